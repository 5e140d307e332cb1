import type { Clock } from '../../std/clock.ts';

/** Which of the two asks. */
export type AskKind = 'response' | 'reminder';

/** What the asker needs of its line. */
interface AskerOptions {
  readonly clock: Clock;
  /** Is an open ask sent again, under its id, after a reconnect? */
  readonly reissues: boolean;
  readonly isConnected: () => boolean;
  readonly send: (responseId: number, ask: AskKind, isReissue: boolean) => void;
}

/** Retell's asks on one call: ids that count up, one open at a time, and the reminder for a silent caller. */
export class Asker {
  readonly #options: AskerOptions;
  #id = 0;
  #kind: AskKind = 'response';
  /** The begin message, id 0, is owed from the start. */
  #isOpen = true;
  #owed: AskKind | undefined;
  #reminders = 0;
  #cancelReminder = () => {};

  constructor(options: AskerOptions) {
    this.#options = options;
  }

  get id(): number {
    return this.#id;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Asks under the next id; without a socket, as soon as there is one. */
  ask(kind: AskKind): void {
    if (!this.#options.isConnected()) {
      this.#owed = kind;
      return;
    }
    this.#owed = undefined;
    this.#id += 1;
    this.#kind = kind;
    this.#isOpen = true;
    this.#options.send(this.#id, kind, false);
  }

  /** The newest ask was completed, or cancelled by the agent's own interruption. */
  close(): void {
    this.#isOpen = false;
  }

  reconnected(): void {
    if (this.#owed !== undefined) this.ask(this.#owed);
    else if (this.#id > 0 && this.#isOpen && this.#options.reissues) this.#options.send(this.#id, this.#kind, true);
  }

  /** The caller speaks: they need no reminder. */
  userSpeaks(): void {
    this.#cancelReminder();
    this.#reminders = 0;
  }

  /** The agent has finished: a reminder is due when the caller stays silent. */
  awaitUser(silenceMs: number, maxReminders: number, isQuiet: () => boolean): void {
    this.#cancelReminder();
    if (this.#reminders >= maxReminders) return;
    this.#cancelReminder = this.#options.clock.after(silenceMs, () => {
      if (!isQuiet() || this.#isOpen) return;
      this.#reminders += 1;
      this.ask('reminder');
    });
  }

  stop(): void {
    this.#cancelReminder();
  }
}
