import type { InboundFrame } from '../../retell/frames.ts';
import { systemClock } from '../../std/clock.ts';
import { type SampleBehaviour, type SampleServer, startSampleServer } from '../stubs/sample-server.fixture.ts';
import { DEFAULT_SWITCHES, type Switches } from '../switches.ts';
import { socketUrl } from '../urls.ts';
import type { LineEvent } from './events.ts';
import { Line, type LineOptions } from './line.ts';
import { DEFAULT_TIMINGS } from './timings.ts';

/** The id of every sample call: each has its own server. */
export const SAMPLE_CALL_ID = 'call_sample_1';

/** What differs from a plain call to a good server. */
export interface SampleSetup {
  readonly behaviour?: SampleBehaviour;
  readonly switches?: Partial<Switches>;
  readonly options?: Partial<LineOptions>;
}

/** A line to a sample server, with everything that happened on both ends. */
export interface SampleLine {
  readonly line: Line;
  readonly server: SampleServer;
  /** What reached the server, in order. */
  readonly frames: readonly InboundFrame[];
  /** What the line told. */
  readonly events: readonly LineEvent[];
  /** Rules broken so far. */
  breaches(): readonly string[];
  close(): Promise<void>;
}

/** Dials a sample server, forty times faster than people speak. */
export async function startSampleLine(setup: SampleSetup = {}): Promise<SampleLine> {
  const frames: InboundFrame[] = [];
  const events: LineEvent[] = [];
  const server = await startSampleServer({ ...setup.behaviour, onFrame: (_, frame) => frames.push(frame) });
  const switches = { ...DEFAULT_SWITCHES, ...setup.switches };
  const line = new Line({
    url: socketUrl({ baseUrl: server.url }, SAMPLE_CALL_ID, switches),
    callId: SAMPLE_CALL_ID,
    clock: systemClock,
    timings: { ...DEFAULT_TIMINGS, betweenAttemptsMs: 20, redialMs: { min: 5, max: 10 } },
    switches,
    random: () => 0.5,
    speechRate: 40,
    details: { call_id: SAMPLE_CALL_ID, agent_id: 'agent_1' },
    reminders: 'off',
    ...setup.options,
  });
  line.listen((event) => events.push(event));
  line.open();
  return {
    line,
    server,
    frames,
    events,
    breaches: () => events.filter(isEvent('breach')).map(({ breach }) => breach.rule),
    async close() {
      line.hangUp();
      await server.close();
    },
  };
}

/** Sample lines of one test file, closed together. */
export function sampleLines() {
  let open: SampleLine[] = [];
  const dial = async (setup: SampleSetup): Promise<SampleLine> => {
    const sample = await startSampleLine(setup);
    open.push(sample);
    return sample;
  };
  return {
    dial,
    /** The same, once the greeting has been spoken. */
    async greeted(setup: SampleSetup): Promise<SampleLine> {
      const sample = await dial(setup);
      await sample.line.next(isEvent('spoken'), inTime());
      return sample;
    },
    async close(): Promise<void> {
      for (const one of open) await one.close();
      open = [];
    },
  };
}

/** Long enough for whatever a sample line waits for. */
export function inTime(): AbortSignal {
  return AbortSignal.timeout(5_000);
}

/** What the caller says, and the answer spoken to its end: by then the server has every frame. */
export async function exchange(line: Line, text: string): Promise<void> {
  const spoken = line.next((event) => event.kind === 'spoken' && event.responseId > 0, inTime());
  await line.say(text, inTime());
  await spoken;
}

/** What was said on a line, `role: content`. */
export function wordsOn(line: Line): readonly string[] {
  return line.transcript().map(({ role, content }) => `${role}: ${content}`);
}

/** Narrows events to one kind. */
export function isEvent<K extends LineEvent['kind']>(
  kind: K,
): (event: LineEvent) => event is Extract<LineEvent, { readonly kind: K }> {
  return (event): event is Extract<LineEvent, { readonly kind: K }> => event.kind === kind;
}
