import type { DeadJob } from '../ports/jobs.ts';
import { deadJob, deadJobList, requeuedJob } from '../servers/rest/shapes.ts';
import { Fault } from '../std/fault.ts';
import { type AdminClient, openAdminClient } from './admin-client.ts';
import { EXIT } from './exit-codes.ts';
import type { Surroundings } from './surroundings.ts';

interface JobsFlags {
  readonly url?: string;
  readonly json?: boolean;
}

export interface DeadJobsFlags extends JobsFlags {
  readonly limit: number;
  readonly before?: string;
}

export interface OneJobFlags extends JobsFlags {
  readonly id: string;
}

const DEAD = '/api/v1/jobs/dead';

/** `offhook jobs dead`: what was set aside, newest first. */
export function listDead(flags: DeadJobsFlags, around: Surroundings): Promise<number> {
  return withServer(flags, around, async (server, signal) => {
    const before = flags.before === undefined ? '' : `&before=${encodeURIComponent(flags.before)}`;
    const page = await server.ask('GET', `${DEAD}?limit=${flags.limit}${before}`, deadJobList, signal);
    return { data: page, text: page.jobs.length === 0 ? 'No job is set aside.' : listing(page.jobs, page.nextBefore) };
  });
}

/** `offhook jobs show <id>`. */
export function showDead(flags: OneJobFlags, around: Surroundings): Promise<number> {
  return withServer(flags, around, async (server, signal) => {
    const job = await server.ask('GET', pathOf(flags.id), deadJob, signal);
    const rows = [
      ['Job', job.id],
      ['Kind', job.kind],
      ['Set aside', timeOf(job)],
      ['Tries', String(job.attempt)],
      ['Reason', job.reason],
      ['Payload', JSON.stringify(job.payload)],
    ] as const;
    const lines = rows.map(([name, value]) => `${name.padEnd(11)}${value}`);
    return { data: job, text: [...lines, '', `Do it again: offhook jobs requeue ${job.id}`].join('\n') };
  });
}

/** `offhook jobs requeue <id>`. */
export function requeueDead(flags: OneJobFlags, around: Surroundings): Promise<number> {
  return withServer(flags, around, async (server, signal) => {
    const queued = await server.ask('POST', `${pathOf(flags.id)}/requeue`, requeuedJob, signal);
    return { data: queued, text: `Job ${queued.id} has all its tries anew, and is due now.` };
  });
}

/** What a command found: for programs, and for people. */
interface Found {
  readonly data: unknown;
  readonly text: string;
}

async function withServer(
  { url, json }: JobsFlags,
  around: Surroundings,
  look: (server: AdminClient, signal: AbortSignal) => Promise<Found>,
): Promise<number> {
  const { terminal } = around;
  const interrupted = new AbortController();
  const stopListening = terminal.onInterrupt(() =>
    interrupted.abort(new Fault('cancelled', 'cli.interrupted', 'expected to finish, was interrupted')),
  );
  try {
    const { data, text } = await look(await openAdminClient(url, around), interrupted.signal);
    terminal.out(json ? JSON.stringify(data) : text);
    return EXIT.done;
  } finally {
    stopListening();
  }
}

function listing(jobs: readonly DeadJob[], nextBefore: string | undefined): string {
  const rows = [
    ['JOB', 'KIND', 'SET ASIDE', 'TRIES', 'REASON'],
    ...jobs.map((job) => [job.id, job.kind, timeOf(job), String(job.attempt), job.reason]),
  ];
  const widths = rows[0]?.map((_head, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const more = nextBefore === undefined ? [] : [`More: offhook jobs dead --before ${nextBefore}`];
  return [...lines, '', `Next: offhook jobs show ${jobs[0]?.id}`, ...more].join('\n');
}

/** UTC, to the second. */
function timeOf({ failedAt }: DeadJob): string {
  return new Date(failedAt).toISOString().replace('T', ' ').replace(/\..*/, '');
}

function pathOf(id: string): string {
  return `${DEAD}/${encodeURIComponent(id)}`;
}
