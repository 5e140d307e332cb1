import { readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type CallId, parseCallId } from '../call/call.ts';
import type { FollowUp, Records, WebhookRecord } from '../ports/records.ts';
import { type Dependency, isAway } from '../resilience/dependency.ts';
import type { Clock } from '../std/clock.ts';
import { FAULT_POLICY, Fault, toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';
import { randomHex } from '../std/random.ts';
import { openSpoolFolder, writeDurably } from './spool-folder.ts';

/** The part of the records that webhooks and the door of the sockets ask. */
type WebhookRecords = Pick<Records, 'acceptWebhook' | 'isNamed' | 'isEnded'>;

export interface SpooledWebhooks extends WebhookRecords {
  /** Webhooks that wait on disk for the records' return. */
  readonly spooled: number;
  /** Stops moving; what still waits moves on after the next start. */
  close(): Promise<void>;
}

export interface SpoolOptions {
  readonly records: WebhookRecords;
  readonly dependency: Dependency;
  /** Made if need be, private to this user: the bodies are Retell's accounts of calls. */
  readonly folder: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Webhooks that may wait; the next one is refused, and Retell sends it again. Default 100,000. */
  readonly limit?: number;
}

interface Spooled {
  readonly webhook: WebhookRecord;
  readonly followUp: FollowUp;
}

const LOOK_EVERY_MS = 1_000;
const ENDED = 'call_ended';

/**
 * Webhooks that are written to disk while the records are away: Retell is answered only once one of the two has them.
 * They move on in their order, and within seconds, when the records are back, also after a restart.
 *
 * @throws Fault `spool.unusable` when the folder cannot be made, read or written
 */
export async function spoolWebhooks(options: SpoolOptions): Promise<SpooledWebhooks> {
  const { records, dependency, folder, clock, log, limit = 100_000 } = options;
  const lifetime = new AbortController();
  const waiting = await openSpoolFolder(folder);
  /** Two processes over one folder never write to one file. */
  const writer = randomHex(4);
  let next = Number.parseInt(waiting.at(-1) ?? '0', 10) + 1;
  const named = new Set<CallId>();
  const ended = new Set<CallId>();
  for (const name of waiting) note(subjectOf(name));
  let writing = 0;
  let draining: Promise<void> | undefined;
  const stop = clock.every(LOOK_EVERY_MS, () => void drain());
  const run = <T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal) => dependency.run(work, signal);

  return {
    get spooled() {
      return waiting.length;
    },

    async acceptWebhook(webhook, followUp, signal) {
      // Those before it are still on disk: their order is kept.
      if (waiting.length + writing > 0) return spool({ webhook, followUp });
      try {
        return await run((within) => records.acceptWebhook(webhook, followUp, within), signal);
      } catch (thrown) {
        if (!isAway(thrown)) throw thrown;
        log.warn({ reason: toFault(thrown).reason }, 'the records are away; a webhook waits on disk');
        return spool({ webhook, followUp });
      }
    },
    async isNamed(callId, signal) {
      return named.has(callId) || run((within) => records.isNamed(callId, within), signal);
    },
    async isEnded(callId, signal) {
      return ended.has(callId) || run((within) => records.isEnded(callId, within), signal);
    },

    async close() {
      stop();
      lifetime.abort();
      await draining;
    },
  };

  /** Whether it is a second delivery is found out when it moves on. */
  async function spool(spooled: Spooled): Promise<'stored'> {
    if (waiting.length + writing >= limit) {
      throw new Fault('unavailable', 'spool.full', `expected at most ${limit} webhooks waiting on disk`, {
        effect: 'notice nothing: Retell sends the webhook again',
        fixes: ['bring Postgres back'],
      });
    }
    const { callId, event } = spooled.webhook;
    const subject = { callId, isEnded: event === ENDED };
    const name = nameOf(next++, writer, subject);
    writing++;
    try {
      await writeDurably(folder, name, JSON.stringify(spooled));
    } catch (cause) {
      throw new Fault('unavailable', 'spool.not_written', 'expected to write a webhook to disk, could not', {
        cause,
        effect: 'notice nothing: Retell sends the webhook again',
        fixes: ['free space on the disk of the data folder', 'bring Postgres back'],
      });
    } finally {
      writing--;
    }
    waiting.push(name);
    note(subject);
    return 'stored';
  }

  /** What the door asks of a call is answered from here while it is not in the records. */
  function note({ callId, isEnded }: Subject): void {
    if (callId) named.add(callId);
    if (callId && isEnded) ended.add(callId);
  }

  /** Moves what waits, oldest first, for as long as the records take it. One at a time; never rejects. */
  function drain(): Promise<void> {
    draining ??= moveAll()
      .catch((thrown: unknown) => {
        log.debug({ reason: toFault(thrown).reason }, 'webhooks wait on disk');
      })
      .finally(() => {
        draining = undefined;
      });
    return draining;
  }

  async function moveAll(): Promise<void> {
    for (let name = waiting[0]; name !== undefined; name = waiting[0]) {
      lifetime.signal.throwIfAborted();
      await move(name);
      waiting.shift();
    }
    if (writing > 0) return;
    named.clear();
    ended.clear();
  }

  async function move(name: string): Promise<void> {
    const path = join(folder, name);
    const text = await readIfThere(path);
    if (text === undefined) return;
    try {
      const { webhook, followUp } = parse(text);
      await run((within) => records.acceptWebhook(webhook, followUp, within), lifetime.signal);
    } catch (thrown) {
      const { kind, reason } = toFault(thrown, 'spool.refused');
      if (FAULT_POLICY[kind].worker !== 'bury') throw thrown;
      log.error({ name, reason }, 'a webhook from disk was refused; set aside');
      return letGo(name, () => rename(path, `${path}.refused`));
    }
    await letGo(name, () => unlink(path));
  }

  /** One whose file cannot be moved must not hold up those behind it; after a restart it is a second delivery. */
  async function letGo(name: string, act: () => Promise<void>): Promise<void> {
    await act().catch((thrown: unknown) => {
      log.error({ name, reason: toFault(thrown).reason }, 'a webhook that moved on is still on disk');
    });
  }
}

/** What a webhook is about: it stands in the name of its file, so that a long queue need not be read to start. */
interface Subject {
  readonly callId: CallId | undefined;
  readonly isEnded: boolean;
}

/** Names sort as what they name arrived. */
function nameOf(count: number, writer: string, { callId, isEnded }: Subject): string {
  return [String(count).padStart(12, '0'), writer, callId, isEnded && 'ended', 'json'].filter(Boolean).join('.');
}

function subjectOf(name: string): Subject {
  const [, , callId = '', end] = name.split('.');
  return { callId: parseCallId(callId), isEnded: end === 'ended' };
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT') return undefined;
    throw new Fault('unavailable', 'spool.not_read', 'expected to read a webhook from disk, could not', {
      cause: thrown,
      effect: 'notice nothing: the webhook is stored later',
      fixes: ['check the disk of the data folder'],
    });
  }
}

function parse(text: string): Spooled {
  const spooled: Spooled = JSON.parse(text);
  const { webhook } = spooled;
  // JSON leaves out what is undefined.
  return { ...spooled, webhook: { ...webhook, callId: webhook.callId && parseCallId(webhook.callId) } };
}
