import type { Breach } from '../monitor/rules.ts';

/** What the server wanted done once its words were spoken. */
export type LineAction =
  | { readonly kind: 'end' }
  | { readonly kind: 'transfer'; readonly number: string }
  | { readonly kind: 'digits'; readonly digits: string };

/** What happens on a line, with Clock.now() times: callers, meters and reports all read these. */
export type LineEvent =
  | { readonly kind: 'opened'; readonly atMs: number; readonly socket: number }
  | { readonly kind: 'lost'; readonly atMs: number; readonly code: number }
  | {
      readonly kind: 'asked';
      readonly atMs: number;
      readonly responseId: number;
      readonly ask: 'response' | 'reminder';
      /** The same ask again, after a reconnect. */
      readonly isReissue: boolean;
    }
  /** The caller has begun to speak: whatever the agent still owed is not waited for any more. */
  | { readonly kind: 'userBegan'; readonly atMs: number }
  /** A frame with words or an action came in, before anything of it is spoken. */
  | {
      readonly kind: 'chunk';
      readonly atMs: number;
      /** Undefined for an `agent_interrupt`. */
      readonly responseId: number | undefined;
      readonly content: string;
      readonly isComplete: boolean;
      readonly action: LineAction | undefined;
    }
  /** The agent has spoken this many words of what has come in for this id. */
  | {
      readonly kind: 'progress';
      readonly atMs: number;
      readonly responseId: number;
      readonly spokenWords: number;
      readonly knownWords: number;
      readonly isComplete: boolean;
    }
  /** All of it has been spoken, or nothing was to be. */
  | { readonly kind: 'spoken'; readonly atMs: number; readonly responseId: number; readonly text: string }
  | { readonly kind: 'interrupted'; readonly atMs: number; readonly responseId: number; readonly text: string }
  | { readonly kind: 'toolCall'; readonly atMs: number; readonly name: string }
  | { readonly kind: 'acted'; readonly atMs: number; readonly responseId: number; readonly action: LineAction }
  | { readonly kind: 'breach'; readonly atMs: number; readonly breach: Breach }
  | { readonly kind: 'over'; readonly atMs: number; readonly reason: string };

/** Events of a line, given to whoever listens or waits. */
export class LineEvents {
  readonly #listeners = new Set<(event: LineEvent) => void>();

  emit(event: LineEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** @returns stops listening */
  listen(listener: (event: LineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The first event from now on for which `match` is true; rejects with the signal's reason. */
  next(match: (event: LineEvent) => boolean, signal: AbortSignal): Promise<LineEvent> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const onAbort = () => {
        stop();
        reject(signal.reason);
      };
      const stop = this.listen((event) => {
        if (!match(event)) return;
        stop();
        signal.removeEventListener('abort', onAbort);
        resolve(event);
      });
      signal.addEventListener('abort', onAbort, { once: true });
    });
  }
}
