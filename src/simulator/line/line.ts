import type { CallDetails, OutboundFrame, Speech } from '../../retell/frames.ts';
import type { Clock } from '../../std/clock.ts';
import type { Breach } from '../monitor/rules.ts';
import type { Switches } from '../switches.ts';
import { AgentSpeech } from './agent-speech.ts';
import { Asker, type AskKind } from './asker.ts';
import { type LineAction, type LineEvent, LineEvents } from './events.ts';
import { DEFAULT_SETTINGS, readFrame, type SpeechSource } from './line-frames.ts';
import { wordsOf } from './sentences.ts';
import { Tape } from './tape.ts';
import type { RetellTimings } from './timings.ts';
import { type Hearing, PERFECT_HEARING, UserSpeech } from './user-speech.ts';
import type { SpokenWords } from './voice.ts';
import { WatchedLink } from './watched-link.ts';

/** One call: where to, how fast, and in which positions of the open questions. */
export interface LineOptions {
  /** The socket's address with the call id in it: see `socketUrl`. */
  readonly url: string;
  readonly callId: string;
  readonly clock: Clock;
  readonly timings: RetellTimings;
  readonly switches: Switches;
  /** In [0, 1); seeded, so that a run can be repeated. */
  readonly random: () => number;
  /** How many times faster than a human both sides speak; the server's deadlines stay real. */
  readonly speechRate: number;
  /** Default: every word is understood, and asked about, at once. */
  readonly hearing?: Hearing;
  /** Sent when the server's config asks for it. */
  readonly details: CallDetails;
  /** Sends `reminder_required` when the caller stays silent; `off` leaves it to `remind()`. */
  readonly reminders: 'automatic' | 'off';
  /** How late the simulator itself has been since a time: stale content is judged with that allowance. */
  readonly lagSinceMs?: (atMs: number) => number;
  readonly staleGraceMs?: number;
  readonly closeWithinMs?: number;
}

/** A human says 150 words a minute. */
const HUMAN_WORD_MS = 400;
/** Words between two `update_only` while someone speaks, in the position `phrase`. */
const PHRASE_WORDS = 3;

/** Retell's side of one call: what is said on it, the asks that follow, and the watch over the server's frames. */
export class Line {
  readonly #options: LineOptions;
  readonly #events = new LineEvents();
  readonly #link: WatchedLink;
  readonly #tape: Tape;
  readonly #agent: AgentSpeech;
  readonly #user: UserSpeech;
  readonly #asker: Asker;
  readonly #wordMs: number;
  readonly #settings = { ...DEFAULT_SETTINGS };
  #interruptId: number | undefined;
  #overReason: string | undefined;

  constructor(options: LineOptions) {
    const { clock, switches } = options;
    this.#options = options;
    this.#wordMs = HUMAN_WORD_MS / options.speechRate;
    this.#tape = new Tape(clock.now(), options.speechRate);
    const pace = { clock, wordMs: this.#wordMs, phraseWords: switches.updateRate === 'word' ? 1 : PHRASE_WORDS };
    this.#agent = new AgentSpeech({ ...pace, hooks: this.#agentHooks() });
    this.#user = new UserSpeech({
      ...options,
      ...pace,
      hearing: options.hearing ?? PERFECT_HEARING,
      onWords: (spoken, heardAs) => this.#heard('user', spoken, heardAs),
      onFinished: () => this.#asker.ask('response'),
    });
    this.#asker = new Asker({
      clock,
      reissues: switches.reissueAsk === 'yes',
      isConnected: () => this.#link.isOpen,
      send: (responseId, ask, isReissue) => this.#sendAsk(responseId, ask, isReissue),
    });
    this.#link = new WatchedLink({ ...options, hooks: this.#linkHooks() });
  }

  get callId(): string {
    return this.#options.callId;
  }

  /** Why the call ended, as Retell would report it; undefined while it lives. */
  get overReason(): string | undefined {
    return this.#overReason;
  }

  /** Is there anything still to come from the agent: an open ask, or words being spoken? */
  get isAgentBusy(): boolean {
    return this.#asker.isOpen || this.#agent.isSpeaking;
  }

  get slowestPongMs(): number {
    return this.#link.slowestPongMs;
  }

  /** The conversation as a webhook would bring it. */
  transcript(): readonly { readonly role: string; readonly content: string }[] {
    return this.#tape.transcript(false);
  }

  /** @returns stops listening */
  listen(listener: (event: LineEvent) => void): () => void {
    return this.#events.listen(listener);
  }

  /** The first event from now on that `match` accepts, or the end of the call. */
  next(match: (event: LineEvent) => boolean, signal: AbortSignal): Promise<LineEvent> {
    if (this.#overReason !== undefined) {
      return Promise.resolve({ kind: 'over', atMs: this.#options.clock.now(), reason: this.#overReason });
    }
    return this.#events.next((event) => event.kind === 'over' || match(event), signal);
  }

  /** Dials. What follows comes as events. */
  open(): void {
    this.#link.open();
  }

  /**
   * The caller speaks: over the agent if it is speaking, on from their own words if it has not begun. Resolves with
   * the id of the ask that follows, or undefined when the call ended before.
   */
  async say(text: string, signal: AbortSignal): Promise<number | undefined> {
    const isShielded = !this.#agent.mayBeInterrupted || !this.#settings.isInterruptible;
    if (isShielded && this.#agent.isSpeaking) await this.next((event) => event.kind === 'spoken', signal);
    if (this.#overReason !== undefined) return undefined;
    const asked = this.next((event) => event.kind === 'asked' && event.ask === 'response' && !event.isReissue, signal);
    this.#asker.userSpeaks();
    this.#emit({ kind: 'userBegan' });
    this.#agent.interrupt();
    this.#update('user_turn');
    const words = wordsOf(text);
    if (words.length === 0) this.#asker.ask('response');
    else this.#user.say(words);
    const event = await asked;
    return event.kind === 'asked' ? event.responseId : undefined;
  }

  /** The caller presses a key: woven into the transcript, and an utterance as Retell's call logs show it. */
  pressDigit(digit: string, signal: AbortSignal): Promise<number | undefined> {
    this.#tape.weave({ role: 'dtmf', digit });
    return this.say(`Pressed Button: ${digit}`, signal);
  }

  /** Asks for a reminder now, as Retell does when the caller stays silent; nothing while the agent is busy. */
  remind(): void {
    if (!this.isAgentBusy && !this.#user.isSpeaking && this.#overReason === undefined) this.#asker.ask('reminder');
  }

  /** What update-live-call's `call_control` does, in the position `injects`. */
  inject(context: string, triggersResponse: boolean): void {
    if (this.#options.switches.callControl === 'nothing' || this.#overReason !== undefined) return;
    this.#tape.weave({ role: 'injected', content: context });
    if (triggersResponse) this.#asker.ask('response');
  }

  /** The network breaks; Retell dials again. */
  drop(): void {
    this.#link.drop();
  }

  /** The caller hangs up. */
  hangUp(): void {
    this.#link.end('user_hangup');
  }

  #linkHooks() {
    return {
      opened: (socket: number) => {
        this.#emit({ kind: 'opened', socket });
        if (socket > 1) this.#asker.reconnected();
      },
      lost: (code: number) => this.#emit({ kind: 'lost', code }),
      frame: (frame: OutboundFrame) => this.#read(frame),
      breach: (breach: Breach) => this.#emit({ kind: 'breach', breach }),
      over: (reason: string) => {
        this.#overReason = reason;
        this.#asker.stop();
        this.#user.stop();
        this.#agent.stop();
        this.#emit({ kind: 'over', reason });
      },
    };
  }

  #agentHooks() {
    return {
      began: () => {
        this.#tape.seal();
        this.#update('agent_turn');
      },
      words: (spoken: SpokenWords) => this.#heard('agent', spoken),
      progress: (responseId: number, spokenWords: number, knownWords: number, isComplete: boolean) =>
        this.#emit({ kind: 'progress', responseId, spokenWords, knownWords, isComplete }),
      interrupted: (responseId: number, text: string) => this.#emit({ kind: 'interrupted', responseId, text }),
      finished: (responseId: number, text: string, action: LineAction | undefined) => {
        this.#emit({ kind: 'spoken', responseId, text });
        if (action) this.#act(responseId, action);
        const { reminderMs, maxReminders } = this.#settings;
        if (this.#options.reminders === 'off' || this.#overReason !== undefined) return;
        this.#asker.awaitUser(reminderMs / this.#options.speechRate, maxReminders, () => !this.#user.isSpeaking);
      },
    };
  }

  #read(frame: OutboundFrame): void {
    readFrame(frame, {
      config: (config) => {
        this.#settings.weavesToolCalls = config.transcript_with_tool_calls === true;
        if (config.call_details !== true) return;
        this.#link.send({ interaction_type: 'call_details', call: this.#options.details });
      },
      settings: (settings) => Object.assign(this.#settings, settings),
      weave: (item) => this.#tape.weave(item),
      toolCall: (name) => this.#emit({ kind: 'toolCall', name }),
      speech: (speech, from, action) => this.#hear(speech, from, action),
    });
  }

  #hear(speech: Speech, from: SpeechSource, action: LineAction | undefined): void {
    const responseId = from.kind === 'response' ? from.id : undefined;
    const { content, content_complete: isComplete } = speech;
    this.#emit({ kind: 'chunk', responseId, content, isComplete, action });
    if (from.kind === 'interrupt') {
      if (this.#interruptId !== from.id) this.#agent.expect(this.#asker.id);
      this.#interruptId = from.id;
      this.#asker.close();
      this.#agent.receive(speech);
    } else if (from.id === this.#asker.id && this.#interruptId === undefined && this.#asker.isOpen) {
      if (isComplete) this.#asker.close();
      this.#agent.receive(speech);
    } else if (from.id === 0 && this.#options.switches.secondGreeting === 'spoken') {
      // A breach, in the position in which the caller hears it.
      this.#tape.seal();
      this.#heard('agent', { words: wordsOf(content), startedAt: this.#options.clock.now() });
      this.#tape.seal();
    }
  }

  #act(responseId: number, action: LineAction): void {
    this.#emit({ kind: 'acted', responseId, action });
    if (action.kind === 'end') this.#link.end('agent_hangup');
    else if (action.kind === 'transfer') this.#link.end('call_transfer');
    else this.#tape.weave({ role: 'tool_call_invocation', name: 'press_digit', arguments: JSON.stringify(action) });
  }

  #sendAsk(responseId: number, ask: AskKind, isReissue: boolean): void {
    if (!isReissue) {
      this.#interruptId = undefined;
      this.#agent.expect(responseId);
    }
    this.#tape.correct();
    this.#link.send({ interaction_type: `${ask}_required`, response_id: responseId, ...this.#transcripts() });
    this.#emit({ kind: 'asked', responseId, ask, isReissue });
  }

  #heard(role: 'agent' | 'user', spoken: SpokenWords, heardAs?: string): void {
    this.#tape.correct();
    this.#tape.add(role, spoken, this.#wordMs);
    if (heardAs !== undefined) this.#tape.mishear(heardAs);
    this.#update();
  }

  #update(turntaking?: 'agent_turn' | 'user_turn'): void {
    this.#link.send({ interaction_type: 'update_only', ...this.#transcripts(), ...(turntaking && { turntaking }) });
  }

  #transcripts() {
    return {
      transcript: this.#tape.transcript(this.#options.switches.words === 'present'),
      ...(this.#settings.weavesToolCalls && { transcript_with_tool_calls: this.#tape.woven() }),
    };
  }

  #emit(event: WithoutTime<LineEvent>): void {
    this.#events.emit({ ...event, atMs: this.#options.clock.now() });
  }
}

type WithoutTime<E> = E extends LineEvent ? Omit<E, 'atMs'> : never;
