import { type Import, resolveImport, type Source } from './source-scanner.ts';

/** Which rooms a room may import from, itself included without saying. The table of the house, as data. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  std: [],
  call: ['std'],
  resilience: ['std'],
  retell: ['call', 'std'],
  ports: ['call', 'std'],
  agent: ['ports', 'resilience', 'call', 'std'],
  observe: ['call', 'std'],
  session: ['agent', 'ports', 'call', 'std'],
  operations: ['agent', 'ports', 'call', 'std'],
  workers: ['ports', 'resilience', 'call', 'std'],
  fleet: ['ports', 'resilience', 'call', 'std'],
  adapters: ['ports', 'call', 'std'],
  'adapters/retell': ['retell', 'ports', 'call', 'std'],
  servers: ['session', 'operations', 'observe', 'retell', 'call', 'ports', 'std'],
  simulator: ['retell', 'call', 'std'],
};
/** Rooms that know every room below them; the doors re-export what authors need. */
const BELOW_VARIANTS: readonly string[] = Object.keys(ARROWS).filter((room) => room !== 'simulator');
const ALL_ROOMS: readonly string[] = [...Object.keys(ARROWS), 'variants'];

/** The packages a room may name; node's own modules are free but for the pure rooms. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'adapters/models': ['undici', 'eventsource-parser', 'zod'],
  'adapters/pino': ['pino'],
  'adapters/retell': ['retell-sdk', 'zod'],
  'adapters/sqlite': ['kysely'],
  'adapters/redis': ['ioredis'],
  'adapters/postgres': ['graphile-worker', 'kysely', 'pg'],
  retell: ['zod'],
  agent: ['@standard-schema/spec', 'zod'],
  observe: ['prom-client'],
  servers: ['fastify', 'ws', 'zod'],
  simulator: ['undici', 'ws'],
  variants: ['zod'],
  cli: ['commander'],
  agents: ['zod'],
};
const PURE_BUILTINS: Readonly<Record<string, readonly string[]>> = { call: [], retell: ['node:crypto'] };

const DOORS: readonly string[] = ['src/index.ts', 'src/testing.ts'];
const MAX_LINES = 400;

/** What a file does against the house, each a sentence; empty when it does nothing. Tests are judged by size alone. */
export function breachesOf(source: Source): readonly string[] {
  const size = source.lines > MAX_LINES ? [`${source.path} has ${source.lines} lines, over ${MAX_LINES}`] : [];
  if (isTest(source.path)) return size;
  return [...size, ...wrongImports(source), ...wrongWords(source)];
}

/** Circles of imports among these files, type-only ones included, each as the path around it. */
export function cyclesOf(sources: readonly Source[]): readonly string[] {
  const edges = new Map(sources.map(({ path, imports }) => [path, imports.flatMap(toPath(path))]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    const at = trail.indexOf(path);
    if (at >= 0) {
      cycles.push([...trail.slice(at), path].join(' -> '));
    } else if (!done.has(path)) {
      for (const next of edges.get(path) ?? []) walk(next, [...trail, path]);
      done.add(path);
    }
  };
  for (const path of edges.keys()) walk(path, []);
  return cycles;
}

/** The room of a file: `call`, `adapters/sqlite`, `agents`; `door` for the package's entries. */
function roomOf(path: string): string {
  if (DOORS.includes(path.replace(/\.test\.ts$/, '.ts'))) return 'door';
  const [top = '', room = '', folder = ''] = path.split('/');
  if (top !== 'src') return top;
  return room === 'adapters' ? `${room}/${folder}` : room;
}

function wrongImports(source: Source): readonly string[] {
  return source.imports.flatMap(({ specifier, isReExport }) => {
    const target = resolveImport(source.path, specifier);
    const isAllowed = target === undefined ? mayUse(source.path, specifier) : mayImport(source.path, target);
    const breaches = isAllowed ? [] : [`${source.path} may not import ${specifier}`];
    if (isReExport && !DOORS.includes(source.path)) breaches.push(`${source.path} re-exports ${specifier}`);
    return breaches;
  });
}

function mayImport(from: string, target: string): boolean {
  const room = roomOf(from);
  const other = roomOf(target);
  if (room === other || room === 'door' || room === 'cli') return true;
  // What agents say is content: an author sees the package's door and nothing behind it.
  if (room === 'agents' || room === 'offhook.config.ts') return target === DOORS[0] || other === 'agents';
  const [group = ''] = other.split('/');
  if (room === 'variants') return BELOW_VARIANTS.includes(group);
  const allowed = ARROWS[room] ?? ARROWS[room.split('/')[0] ?? ''] ?? [];
  return group !== 'adapters' && allowed.includes(other);
}

function mayUse(path: string, specifier: string): boolean {
  const room = roomOf(path);
  if (specifier.startsWith('node:')) return PURE_BUILTINS[room]?.includes(specifier) ?? true;
  return (PACKAGES[room] ?? []).some((name) => specifier === name || specifier.startsWith(`${name}/`));
}

interface WordRule {
  readonly pattern: RegExp;
  readonly isFree: (path: string) => boolean;
  readonly why: string;
}

const inRoom =
  (...rooms: readonly string[]) =>
  (path: string) =>
    rooms.includes(roomOf(path));

const WORDS: readonly WordRule[] = [
  {
    pattern: /\b(?:Date\.now|performance\.now|setTimeout|setInterval|Math\.random)\b/g,
    isFree: inRoom('std'),
    why: 'time and chance are arguments; they live in std',
  },
  {
    pattern: /\bprocess\.env\b/g,
    isFree: (path) => path === 'src/variants/environment.ts',
    why: 'the environment is read in variants/environment.ts',
  },
  {
    pattern: /\b(?:await|async)\b/g,
    isFree: (path) => !inRoom('call', 'retell')(path),
    why: 'call and retell are pure',
  },
  {
    // The simulator plays Retell, whose close frames are part of the play.
    pattern: /\b(?:ws|super|\w*[sS]ocket)\??\.close\(/g,
    isFree: (path) => path === 'src/servers/call-web-socket.ts' || inRoom('simulator')(path),
    why: 'a close frame ends a live call; only servers/call-web-socket.ts may send one',
  },
  {
    pattern: /\bexport\s*\*/g,
    isFree: () => false,
    why: 'exports go by name',
  },
  {
    pattern: /\bexport default\b/g,
    isFree: (path) => inRoom('agents')(path) || path.endsWith('.config.ts'),
    why: 'only agents and configurations have a default export',
  },
  {
    pattern: /\bthrow new \w*Error\b/g,
    // commander wants its own error from whatever reads a flag's value; program.ts makes a Fault of it.
    isFree: (path) => path === 'src/cli/usage.ts',
    why: 'only a Fault is thrown',
  },
];

function wrongWords({ path, code }: Source): readonly string[] {
  return WORDS.filter(({ isFree }) => !isFree(path)).flatMap(({ pattern, why }) =>
    [...code.matchAll(pattern)].map(
      ({ 0: word, index }) => `${path}:${code.slice(0, index).split('\n').length} has ${word}: ${why}`,
    ),
  );
}

function isTest(path: string): boolean {
  return /\.(?:test|fixture)\.ts$/.test(path) || path.startsWith('test/');
}

function toPath(from: string): (one: Import) => readonly string[] {
  return ({ specifier }) => {
    const target = resolveImport(from, specifier);
    return target === undefined ? [] : [target];
  };
}

/** Every room there is: a folder that the table does not know is a breach of its own. */
export function unknownRooms(sources: readonly Source[]): readonly string[] {
  const known = [...ALL_ROOMS, 'cli', 'door', 'agents'];
  return [...new Set(sources.map(({ path }) => roomOf(path)))].filter(
    (room) => !known.includes(room) && !known.includes(room.split('/')[0] ?? ''),
  );
}
