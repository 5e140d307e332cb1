import type { LineEvent } from '../../src/simulator/line/events.ts';
import { Line } from '../../src/simulator/line/line.ts';
import { DEFAULT_TIMINGS, type RetellTimings } from '../../src/simulator/line/timings.ts';
import { type Hearing, PERFECT_HEARING } from '../../src/simulator/line/user-speech.ts';
import { DEFAULT_SWITCHES, type Switches } from '../../src/simulator/switches.ts';
import { socketUrl } from '../../src/simulator/urls.ts';
import { systemClock } from '../../src/std/clock.ts';
import { randomHex, seededRandom } from '../../src/std/random.ts';

/** A redial goes on until the killed server is back: how long that takes is the machine's affair. */
const TIMINGS = { ...DEFAULT_TIMINGS, connectAttempts: 100, betweenAttemptsMs: 100 };

export interface PhoneOptions {
  readonly switches?: Partial<Switches>;
  readonly agentId?: string;
  readonly callId?: string;
  readonly socketSecret?: string;
  /** Default: Retell understands every word and asks at once. */
  readonly hearing?: Partial<Hearing>;
  /** Instead of a redial that goes on until the server is back. */
  readonly timings?: RetellTimings;
}

type Match<Kind extends LineEvent['kind']> = Extract<LineEvent, { kind: Kind }>;

/** One call over a real socket, with everything that happened on it. */
export interface Phone {
  readonly line: Line;
  readonly events: readonly LineEvent[];
  /** Says it and returns the id of the ask. */
  say(text: string): Promise<number>;
  /** Waits, within the deadline, until an event of the kind fits; those that came before count. */
  until<Kind extends LineEvent['kind']>(kind: Kind, fits?: (event: Match<Kind>) => boolean): Promise<Match<Kind>>;
  /** All words that came for an id, over all sockets. */
  wordsFor(responseId: number): string;
  /** The words that came for an id, once it is complete. */
  answerTo(responseId: number): Promise<string>;
  /** Says it and returns the answer. */
  ask(text: string): Promise<string>;
  /** Stays silent until Retell asks for a reminder; the id of the ask. */
  remind(): Promise<number>;
  breaches(): readonly string[];
  hangUp(): void;
}

export function dial(url: string, options: PhoneOptions = {}): Phone {
  const switches = { ...DEFAULT_SWITCHES, ...options.switches };
  const callId = options.callId ?? `call_${randomHex(8)}`;
  const { signal } = new AbortController();
  const events: LineEvent[] = [];
  const line = new Line({
    url: socketUrl({ ...options, baseUrl: url }, callId, switches),
    callId,
    clock: systemClock,
    timings: options.timings ?? TIMINGS,
    switches,
    random: seededRandom(7),
    speechRate: 20,
    hearing: { ...PERFECT_HEARING, ...options.hearing },
    details: { call_id: callId, agent_id: options.agentId ?? 'agent_obedient' },
    reminders: 'off',
  });
  line.listen((event) => events.push(event));
  line.open();

  const phone: Phone = {
    line,
    events,
    async say(text) {
      const responseId = await line.say(text, signal);
      if (responseId === undefined) throw new Error(`the call is over: ${line.overReason}`);
      return responseId;
    },
    until(kind, fits = () => true) {
      const isMatch = (event: LineEvent): event is Match<typeof kind> => event.kind === kind && fits(event as never);
      const found = events.find(isMatch);
      if (found) return Promise.resolve(found);
      return new Promise((resolve, reject) => {
        const seen = () => `${kind} did not come within 25 s; seen: ${events.map((event) => event.kind).join(' ')}`;
        const timer = setTimeout(() => done(() => reject(new Error(seen()))), 25_000);
        const stop = line.listen((event) => {
          if (isMatch(event)) done(() => resolve(event));
        });
        const done = (settle: () => void) => {
          clearTimeout(timer);
          stop();
          settle();
        };
      });
    },
    wordsFor: (responseId) =>
      events
        .flatMap((event) => (event.kind === 'chunk' && event.responseId === responseId ? [event.content] : []))
        .join('')
        .trim(),
    async answerTo(responseId) {
      await phone.until('chunk', (event) => event.responseId === responseId && event.isComplete);
      return phone.wordsFor(responseId);
    },
    ask: async (text) => phone.answerTo(await phone.say(text)),
    async remind() {
      const before = events.length;
      const isNew = (event: LineEvent) =>
        event.kind === 'asked' && event.ask === 'reminder' && events.indexOf(event) >= before;
      while (line.isAgentBusy) await line.next((event) => event.kind === 'spoken' || event.kind === 'acted', signal);
      line.remind();
      return (await phone.until('asked', isNew)).responseId;
    },
    breaches: () => events.flatMap((event) => (event.kind === 'breach' ? [event.breach.rule] : [])),
    hangUp: () => line.hangUp(),
  };
  return phone;
}
