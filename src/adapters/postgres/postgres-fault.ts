import { Fault, type FaultKind } from '../../std/fault.ts';

interface Reading {
  readonly kind: FaultKind;
  readonly reason: string;
  readonly expected: string;
  readonly fixes: readonly string[];
}

const UNREACHABLE: Reading = {
  kind: 'unavailable',
  reason: 'postgres.unreachable',
  expected: 'Postgres to answer',
  fixes: ['start Postgres', 'check the host and port in DATABASE_URL, and the network to it'],
};
const TIMEOUT: Reading = {
  kind: 'timeout',
  reason: 'postgres.timeout',
  expected: 'an answer of Postgres in time',
  fixes: ['look at what keeps Postgres busy, and at its locks'],
};
const CROWDED: Reading = {
  kind: 'unavailable',
  reason: 'postgres.crowded',
  expected: 'a free connection to Postgres within a second',
  fixes: ['look at what keeps Postgres busy', 'raise its max_connections'],
};
const FAILED: Reading = {
  kind: 'bug',
  reason: 'postgres.failed',
  expected: 'Postgres to accept the statement',
  fixes: ['report it, with the code shown'],
};

/** What an operator can do something about, by SQLSTATE or its class (postgresql.org/docs/current/errcodes-appendix.html). */
const READINGS: readonly (Reading & { readonly codes: RegExp })[] = [
  // Lost connections; a server that is stopping, starting, or that a crash of its neighbour ended.
  { codes: /^(?:08...|57P0[1-5])$/, ...UNREACHABLE },
  { codes: /^(?:57014|55P03|25P0[34])$/, ...TIMEOUT },
  { codes: /^(?:53300|53400)$/, ...CROWDED },
  {
    codes: /^(?:28...|3D000|42501)$/,
    kind: 'unavailable',
    reason: 'postgres.refused',
    expected: 'Postgres to let us into the database',
    fixes: ['check user, password and database of DATABASE_URL', 'let the user create schemas in the database'],
  },
  {
    codes: /^(?:40001|40P01)$/,
    kind: 'conflict',
    reason: 'postgres.conflict',
    expected: 'the transaction to go through beside others',
    fixes: ['nothing: it is tried again'],
  },
  {
    codes: /^(?:53100|53200|58...)$/,
    kind: 'unavailable',
    reason: 'postgres.disk_full',
    expected: 'Postgres to have room and a healthy disk',
    fixes: ['free space on the disk of Postgres', "look at Postgres' own log"],
  },
  {
    codes: /^25006$/,
    kind: 'unavailable',
    reason: 'postgres.read_only',
    expected: 'a Postgres that may be written',
    fixes: ['point DATABASE_URL at the primary'],
  },
];

/** Codes of node, and texts of the driver where it has no code, for a connection that cannot be made or was lost. */
const LOST_CODES = /^(?:E(?:CONN|HOST|NET|PIPE|TIMEDOUT|AI_)|ENOTFOUND)/;
const LOST_TEXTS =
  /^(?:Connection terminated|Client was closed|Client has encountered a connection error|timeout expired)/;

/** What Postgres or its driver threw, as a Fault; a Fault passes through. Never holds the statement, its values or the address. */
export function postgresFault(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  const { code, message } = errorOf(thrown);
  return faultOf(readingOf(code, message), code);
}

/** What a pool threw that was asked for a connection: it has one text for those that are all in use and for none made. */
export function connectFault(thrown: unknown, isFull: boolean): Fault {
  const fault = postgresFault(thrown);
  return fault.reason === CROWDED.reason && !isFull ? faultOf(UNREACHABLE, undefined) : fault;
}

function faultOf({ kind, reason, expected, fixes }: Reading, code: string | undefined): Fault {
  // No cause: Postgres puts the values of a row into its errors.
  return new Fault(kind, reason, `expected ${expected}, got ${code ?? 'an error without a code'}`, {
    detail: { code },
    effect: 'calls go on; tools that act once are refused, and webhooks are kept on disk until it is back',
    fixes,
  });
}

/** Whether the connection is still good after this: the server answered, and it was no goodbye. */
export function isAnswer(thrown: unknown): boolean {
  const { code = '' } = errorOf(thrown);
  return /^[0-9A-Z]{5}$/.test(code) && !/^(?:08|57P|25P0[34])/.test(code);
}

function readingOf(code: string | undefined, message: string): Reading {
  const known = code === undefined ? undefined : READINGS.find(({ codes }) => codes.test(code));
  if (known) return known;
  if (code !== undefined && LOST_CODES.test(code)) return UNREACHABLE;
  if (LOST_TEXTS.test(message)) return UNREACHABLE;
  if (message === 'Query read timeout') return TIMEOUT;
  if (message.startsWith('timeout exceeded when trying to connect')) return CROWDED;
  return FAILED;
}

function errorOf(thrown: unknown): { readonly code: string | undefined; readonly message: string } {
  if (!(thrown instanceof Error)) return { code: undefined, message: '' };
  // Several addresses of one host were tried: the first tells enough.
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return errorOf(thrown.errors[0]);
  const code = 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined;
  return { code, message: thrown.message };
}
