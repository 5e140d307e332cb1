import { mkdir, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type CallId, parseCallId } from '../call/call.ts';
import type { FollowUp, Records, WebhookRecord } from '../ports/records.ts';
import { type Dependency, isAway } from '../resilience/dependency.ts';
import type { Clock } from '../std/clock.ts';
import { Fault, toFault } from '../std/fault.ts';
import type { Log } from '../std/log.ts';

export interface SpoolingRecords extends Records {
  /** Webhooks that wait on disk for the records' return. */
  readonly spooled: number;
  close(): Promise<void>;
}

export interface SpoolOptions {
  readonly records: Records;
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
 * Records whose webhooks are written to disk while the records themselves are away: Retell is answered only once one
 * of the two has them. They move on in their order, and within seconds, when the records are back, also after a
 * restart. Everything else is asked of the records within their deadline.
 *
 * @throws Fault `spool.unusable` when the folder cannot be made or read
 */
export async function spoolWebhooks(options: SpoolOptions): Promise<SpoolingRecords> {
  const { records, dependency, folder, clock, log, limit = 100_000 } = options;
  const lifetime = new AbortController();
  const waiting = await openFolder(folder);
  let next = waiting.reduce((last, name) => Math.max(last, Number.parseInt(name, 10)), 0) + 1;
  const named = new Set<string>();
  const ended = new Set<string>();
  for (const name of waiting) note((await read(name)).webhook);
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
      if (waiting.length > 0) return spool({ webhook, followUp });
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
    saveFact: (event, signal) => run((within) => records.saveFact(event, within), signal),
    facts: (callId, signal) => run((within) => records.facts(callId, within), signal),
    saveReport: (report, signal) => run((within) => records.saveReport(report, within), signal),
    report: (callId, signal) => run((within) => records.report(callId, within), signal),
    listCalls: (limit, before, signal) => run((within) => records.listCalls(limit, before, within), signal),
    pendingFacts: (limit, signal) => run((within) => records.pendingFacts(limit, within), signal),
    forgetFacts: (positions, signal) => run((within) => records.forgetFacts(positions, within), signal),

    async close() {
      stop();
      await drain();
      lifetime.abort();
    },
  };

  /** Whether it is a second delivery is found out when it moves on. */
  async function spool(spooled: Spooled): Promise<'stored'> {
    if (waiting.length >= limit) {
      throw new Fault('unavailable', 'spool.full', `expected at most ${limit} webhooks waiting on disk`, {
        effect: 'notice nothing: Retell sends the webhook again',
        fixes: ['bring Postgres back'],
      });
    }
    const name = `${String(next++).padStart(12, '0')}.json`;
    writing++;
    try {
      await writeDurably(join(folder, name), JSON.stringify(spooled));
    } catch (cause) {
      throw new Fault('unavailable', 'spool.not_written', 'expected to write a webhook to disk, could not', { cause });
    } finally {
      writing--;
    }
    waiting.push(name);
    note(spooled.webhook);
    return 'stored';
  }

  /** What the door asks of a call is answered from here while it is not in the records. */
  function note({ callId, event }: WebhookRecord): void {
    if (callId) named.add(callId);
    if (callId && event === ENDED) ended.add(callId);
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
      await move(name);
      waiting.shift();
    }
    if (writing > 0) return;
    named.clear();
    ended.clear();
  }

  /** One that the records refuse for good is set aside: it must not hold up those behind it. */
  async function move(name: string): Promise<void> {
    const path = join(folder, name);
    try {
      const { webhook, followUp } = await read(name);
      await run((within) => records.acceptWebhook(webhook, followUp, within), lifetime.signal);
      await unlink(path);
    } catch (thrown) {
      if (isAway(thrown) || lifetime.signal.aborted) throw thrown;
      log.error(
        { name, reason: toFault(thrown, 'spool.refused').reason },
        'a webhook from disk was refused; set aside',
      );
      await rename(path, `${path}.refused`);
    }
  }

  async function read(name: string): Promise<Spooled> {
    const spooled: Spooled = JSON.parse(await readFile(join(folder, name), 'utf8'));
    const callId: CallId | undefined = spooled.webhook.callId && parseCallId(spooled.webhook.callId);
    return { ...spooled, webhook: { ...spooled.webhook, callId } };
  }
}

/** The names of what waits, oldest first; what was being written when a process died never counted. */
async function openFolder(folder: string): Promise<string[]> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  } catch (cause) {
    throw new Fault('invalid', 'spool.unusable', 'expected a folder for webhooks that wait, could not use it', {
      cause,
      effect: 'nobody is answered until it starts',
      fixes: ['give OFFHOOK_DATA_DIR a folder that this user may write to'],
    });
  }
}

/** Whole or not there, whatever becomes of the process. */
async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(`${path}.part`, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(`${path}.part`, path);
}
