import { Fault, type FaultKind, type FaultOptions } from '../../std/fault.ts';

interface Reading {
  readonly kind: FaultKind;
  readonly reason: string;
  readonly expected: string;
  readonly fixes: NonNullable<FaultOptions['fixes']>;
}

const CLOSED: Reading = {
  kind: 'unavailable',
  reason: 'store.closed',
  expected: 'an open database',
  fixes: ['nothing: the process is stopping'],
};
const FAILED: Reading = {
  kind: 'bug',
  reason: 'store.failed',
  expected: 'SQLite to accept the statement',
  fixes: ['report it, with the code shown'],
};

/** SQLite's primary result codes (sqlite.org/rescode.html) that an operator can do something about. */
const READINGS: readonly (Reading & { readonly codes: readonly number[] })[] = [
  {
    codes: [5, 6],
    kind: 'unavailable',
    reason: 'store.busy',
    expected: 'the database to be free within a second',
    fixes: ['stop whatever else has the file open (a shell, a backup)'],
  },
  {
    codes: [8],
    kind: 'unavailable',
    reason: 'store.read_only',
    expected: 'a database that may be written',
    fixes: ['give the data folder back to the user offhook runs as', 'remount the disk writable'],
  },
  {
    codes: [10, 14],
    kind: 'unavailable',
    reason: 'store.io_failed',
    expected: 'the disk to take the write',
    fixes: ['check that the data folder exists and its disk is healthy'],
  },
  {
    codes: [13],
    kind: 'unavailable',
    reason: 'store.disk_full',
    expected: 'room on the disk',
    fixes: ['free space on the disk of the data folder'],
  },
  {
    codes: [11, 26],
    kind: 'bug',
    reason: 'store.corrupt',
    expected: 'a sound SQLite database',
    fixes: ['move the file aside and restart; live calls resume from what Retell sends', 'restore a backup'],
  },
];

/** What SQLite threw, as a Fault; a Fault passes through. Never holds the statement or its values. */
export function sqliteFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  const code = resultCode(thrown);
  const known = code === undefined ? undefined : READINGS.find(({ codes }) => codes.includes(code & 0xff));
  const { kind, reason, expected, fixes } = known ?? (isClosed(thrown) ? CLOSED : FAILED);
  return new Fault(kind, reason, `expected ${expected}, SQLite answered ${code ?? 'nothing'}`, {
    cause: thrown,
    detail: { code },
    effect: 'calls in progress go on from memory; a restart loses what could not be written',
    fixes,
  });
}

function resultCode(thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('errcode' in thrown)) return undefined;
  return typeof thrown.errcode === 'number' ? thrown.errcode : undefined;
}

function isClosed(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_INVALID_STATE';
}
