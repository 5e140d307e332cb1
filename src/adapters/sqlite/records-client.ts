import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { EventLog } from '../../ports/event-log.ts';
import type { Records } from '../../ports/records.ts';
import type { Clock } from '../../std/clock.ts';
import { Fault } from '../../std/fault.ts';
import type { Log } from '../../std/log.ts';
import { untilAborted } from '../../std/signals.ts';
import {
  packFault,
  type ThreadAnswer,
  type ThreadOperations,
  type ThreadPaths,
  type ThreadReply,
  type ThreadRequest,
  type ThreadRequests,
  unpackFault,
} from './records-wire.ts';

/** After the first loss at once, then this long, doubling up to the longest. */
const RESTART_AFTER_MS = 1_000;
const LONGEST_RESTART_AFTER_MS = 30_000;

type Answer<Name extends keyof ThreadOperations> = Awaited<ReturnType<ThreadOperations[Name]>>;

interface Asked {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** Starts the thread: the module beside this one, as source or as built. */
export function spawnRecordsThread(paths: ThreadPaths): Worker {
  const entry = new URL(`./records-thread${extname(import.meta.url)}`, import.meta.url);
  return new Worker(entry, { workerData: paths, name: 'records' });
}

/**
 * The main thread's end of the records thread. A lost thread fails what it was asked with `records.thread_lost`
 * (whether that was written is unknown: every operation may be repeated) and is started again.
 */
export class RecordsClient {
  readonly #spawn: () => Worker;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #asked = new Map<number, Asked>();
  #outgoing: ThreadRequest[] = [];
  readonly #opened = Promise.withResolvers<void>();
  #worker: Worker | undefined;
  #lastId = 0;
  #losses = 0;
  #isClosing = false;
  #closed: Promise<void> | undefined;

  private constructor(spawn: () => Worker, clock: Clock, log: Log) {
    this.#spawn = spawn;
    this.#clock = clock;
    this.#log = log;
    this.#start();
  }

  /** Starts the thread and waits until its database is open. @throws Fault `store.*` when it cannot be opened */
  static async open(spawn: () => Worker, clock: Clock, log: Log, signal: AbortSignal): Promise<RecordsClient> {
    const client = new RecordsClient(spawn, clock, log);
    try {
      await untilAborted(client.#opened.promise, signal);
      return client;
    } catch (thrown) {
      await client.close();
      throw thrown;
    }
  }

  /** Asks the thread. Aborting rejects at once; what was asked may still be written. */
  ask<Name extends keyof ThreadOperations>(
    operation: Name,
    args: Parameters<ThreadOperations[Name]>,
    signal: AbortSignal,
  ): Promise<Answer<Name>> {
    if (this.#isClosing) return Promise.reject(closedFault());
    if (signal.aborted) return Promise.reject(signal.reason);
    return untilAborted(this.#post(operation, args), signal);
  }

  /** Waits for what was asked before, copies the write-ahead log back, and ends the thread. Idempotent. */
  close(): Promise<void> {
    this.#isClosing = true;
    this.#closed ??= this.#end();
    return this.#closed;
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    if (!worker) return;
    const exited = new Promise<void>((resolve) => {
      worker.once('exit', () => resolve());
    });
    // A thread lost while it closes has nothing left to write: all it acknowledged is on disk.
    await this.#post('close', []).catch(() => worker.terminate());
    await exited;
  }

  #post<Name extends keyof ThreadOperations>(
    operation: Name,
    args: Parameters<ThreadOperations[Name]>,
  ): Promise<Answer<Name>> {
    const worker = this.#worker;
    if (!worker) return Promise.reject(lostFault());
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      // The thread answers `operation`, so the answer has its type; nothing checks that across threads.
      this.#asked.set(id, { resolve: (value) => resolve(value as Answer<Name>), reject });
      worker.ref();
      if (this.#outgoing.push({ id, operation, args }) === 1) setImmediate(() => this.#flush());
    });
  }

  /** A message costs both threads more than most of what is asked: all of this turn of the loop shares one. */
  #flush(): void {
    const requests: ThreadRequests = this.#outgoing;
    this.#outgoing = [];
    if (requests.length > 0) this.#worker?.postMessage(requests);
  }

  #start(): void {
    const worker = this.#spawn();
    this.#worker = worker;
    let cause: unknown;
    worker.on('message', (reply: ThreadReply) => this.#receive(worker, reply));
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', () => this.#lose(worker, cause));
  }

  #receive(worker: Worker, reply: ThreadReply): void {
    switch (reply.kind) {
      case 'opened':
        this.#opened.resolve();
        break;
      case 'refused': {
        const fault = unpackFault(reply.fault);
        this.#opened.reject(fault);
        this.#log.error({ reason: fault.reason }, 'the records database could not be opened');
        break;
      }
      case 'answered':
        this.#losses = 0;
        for (const answer of reply.answers) this.#settle(answer);
        break;
      default:
        reply satisfies never;
    }
    // Only what waits for an answer, or for the end, keeps the process alive; never the thread itself.
    if (this.#asked.size === 0 && !this.#isClosing) worker.unref();
  }

  #settle(answer: ThreadAnswer): void {
    const asked = this.#asked.get(answer.id);
    this.#asked.delete(answer.id);
    if (answer.kind === 'done') asked?.resolve(answer.value);
    else asked?.reject(unpackFault(answer.fault));
  }

  #lose(worker: Worker, cause: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#opened.reject(lostFault(cause));
    for (const { reject } of this.#asked.values()) reject(lostFault(cause));
    this.#asked.clear();
    this.#outgoing = [];
    if (this.#isClosing) return;
    const delayMs = this.#losses === 0 ? 0 : RESTART_AFTER_MS * 2 ** (this.#losses - 1);
    this.#losses += 1;
    this.#log.error({ reason: 'records.thread_lost', losses: this.#losses }, 'the records thread is started again');
    const restart = () => {
      if (!this.#isClosing) this.#start();
    };
    if (delayMs === 0) restart();
    else this.#clock.after(Math.min(delayMs, LONGEST_RESTART_AFTER_MS), restart);
  }
}

/** The archive, through the records thread. Its jobs wait from `clock`'s now; `onJobs` hears that there are some. */
export function recordsOver(client: RecordsClient, clock: Clock, onJobs = () => {}): Records {
  return {
    async acceptWebhook(webhook, followUp, signal) {
      const verdict = await client.ask('acceptWebhook', [webhook, followUp, clock.now()], signal);
      if (followUp.jobs.length > 0) onJobs();
      return verdict;
    },
    isNamed: (callId, signal) => client.ask('isNamed', [callId], signal),
    isEnded: (callId, signal) => client.ask('isEnded', [callId], signal),
    saveFact: (event, signal) => client.ask('saveFact', [event], signal),
    facts: (callId, signal) => client.ask('facts', [callId], signal),
    saveReport: (report, signal) => client.ask('saveReport', [report], signal),
    report: (callId, signal) => client.ask('report', [callId], signal),
    listCalls: (limit, before, signal) => client.ask('listCalls', [limit, before], signal),
    pendingFacts: (limit, signal) => client.ask('pendingFacts', [limit], signal),
    forgetFacts: (positions, signal) => client.ask('forgetFacts', [positions], signal),
  };
}

/** The event log, through the records thread; leases and delays are counted by `clock`. */
export function eventLogOver(client: RecordsClient, clock: Clock): EventLog {
  return {
    publish: (events, signal) => client.ask('publish', [events, clock.now()], signal),
    read: (group, limit, leaseMs, signal) => client.ask('read', [group, limit, leaseMs, clock.now()], signal),
    ack: (group, id, signal) => client.ask('ack', [group, id], signal),
    retry: (group, id, delayMs, signal) => client.ask('retry', [group, id, clock.now() + delayMs], signal),
    bury: (group, id, fault, signal) => client.ask('bury', [group, id, packFault(fault), clock.now()], signal),
  };
}

function lostFault(cause?: unknown): Fault {
  return new Fault('unavailable', 'records.thread_lost', 'expected an answer of the records thread, it ended', {
    cause,
    effect: 'notice nothing: calls go on, and Retell sends its webhooks again',
    fixes: ['nothing: it is started again', 'if it keeps ending, look at the first error logged with this reason'],
  });
}

function closedFault(): Fault {
  return new Fault('unavailable', 'records.closed', 'expected open records, they were closed', {
    effect: 'notice nothing: Retell sends its webhooks again',
  });
}
