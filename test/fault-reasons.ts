import { literalArguments, type Source } from './source-scanner.ts';

/** A reason as the code states it. `kind` is undefined where the code gives it elsewhere, or it is not thrown at all. */
export interface StatedReason {
  readonly reason: string;
  readonly kind: string | undefined;
  readonly path: string;
}

/** A row of docs/faults.md. */
export interface ListedReason {
  readonly reason: string;
  readonly kind: string;
  /** What it means, what callers notice, what to do. */
  readonly cells: readonly string[];
}

/** The kinds of a Fault, and `label` for what is only counted and logged. */
export const LISTED_KINDS: readonly string[] = [
  'invalid',
  'unauthenticated',
  'forbidden',
  'not_found',
  'conflict',
  'exhausted',
  'cancelled',
  'unavailable',
  'timeout',
  'bug',
  'label',
];

/** Long enough to be no "e.g". */
const REASON = /^[a-z]{3,}\.[a-z][a-z0-9_]{2,}$/;
/** Names of files, and of another library's errors. */
const FOREIGN = /\.(?:ts|js|mjs|json|db)$|^commander\./;
/** Here dots also stand in names of columns, and of the monitor's rules: only what is plainly a Fault counts. */
const OTHER_DOTS = /^src\/(?:adapters\/(?:postgres|sqlite)|simulator)\//;

/** Every reason that a source file states. */
export function statedReasons(source: Source, eventKinds: ReadonlySet<string>): readonly StatedReason[] {
  const { path } = source;
  const stated = (reason: string | undefined, kind: string | undefined): readonly StatedReason[] =>
    reason !== undefined && REASON.test(reason) ? [{ reason, kind, path }] : [];
  const thrown = [
    ...literalArguments(source, /\bnew Fault\(/g).flatMap(([kind, reason]) => stated(reason, kind)),
    ...stringsAfter(source, /\bwithDeadline\(/g).flatMap((reason) => stated(reason, 'timeout')),
    ...stringsAfter(source, /\btoFault\(/g).flatMap((reason) => stated(reason, 'bug')),
    ...tableRows(source).flatMap(({ kind, reason }) => stated(reason, kind)),
  ];
  if (OTHER_DOTS.test(path)) return thrown;
  const known = new Set(thrown.map(({ reason }) => reason));
  const labels = [...source.strings.values()].filter(
    (text) => !known.has(text) && !eventKinds.has(text) && !FOREIGN.test(text),
  );
  return [...thrown, ...labels.flatMap((reason) => stated(reason, undefined))];
}

/** The rows of the page: `| \`reason\` | kind | means | callers | fix |`. */
export function listedReasons(page: string): readonly ListedReason[] {
  return page.split('\n').flatMap((line) => {
    const [, reason, kind, ...cells] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    const [, name] = /^`([^`]+)`$/.exec(reason ?? '') ?? [];
    return name === undefined || kind === undefined ? [] : [{ reason: name, kind, cells: cells.slice(0, 3) }];
  });
}

/** What is stated and not listed, or listed with another kind, as rows to be filled in. */
export function missingRows(stated: readonly StatedReason[], listed: readonly ListedReason[]): readonly string[] {
  const rows = new Map(listed.map((row) => [row.reason, row.kind]));
  const missing = stated.flatMap(({ reason, kind, path }) => {
    const listedKind = rows.get(reason);
    if (listedKind === undefined) return [`| \`${reason}\` | ${kind ?? 'label'} |  |  |  | (${path})`];
    if (kind === undefined || kind === listedKind) return [];
    return [`| \`${reason}\` | ${kind} | ... (${path}; the page says ${listedKind})`];
  });
  return [...new Set(missing)].sort();
}

/** The first string after each match, on the same or the next lines of one call. */
function stringsAfter({ code, strings }: Source, opening: RegExp): readonly (string | undefined)[] {
  return [...code.matchAll(opening)].map((match) => {
    const from = match.index + match[0].length;
    const quote = code.slice(from, from + 300).search(/['")]/);
    return quote < 0 ? undefined : strings.get(from + quote);
  });
}

/** `kind: 'unavailable', reason: 'store.busy'`, in this order, as tables of Faults have them. */
function tableRows({ code, strings }: Source): readonly { readonly kind?: string; readonly reason?: string }[] {
  return [...code.matchAll(/\bkind: (?=')/g)].flatMap((match) => {
    const at = match.index + match[0].length;
    const kind = strings.get(at);
    const gap = /^' *',\s*reason: (?=')/.exec(code.slice(at));
    const reason = gap ? strings.get(at + gap[0].length) : undefined;
    const isFault = kind !== undefined && LISTED_KINDS.includes(kind);
    return isFault && reason !== undefined ? [{ kind, reason }] : [];
  });
}
