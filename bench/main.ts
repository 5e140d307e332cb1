/**
 * The benchmark: `npm run bench`, or one mode of it, `npm run bench -- turn`. Servers on one core, generator and model
 * on another, each its own process; what comes of it is printed and written to docs/results.md. Ends with 1 when a
 * goal does not hold.
 */
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { describeHost, ROOT } from './host.ts';
import type { Mode, ModeOptions } from './mode.ts';
import { addedMode } from './modes/added.ts';
import { crowdMode } from './modes/crowd.ts';
import { fleetMode } from './modes/fleet.ts';
import { hedgeMode } from './modes/hedge.ts';
import { longMode } from './modes/long.ts';
import { memoryMode } from './modes/memory.ts';
import { speculateMode } from './modes/speculate.ts';
import { startMode } from './modes/start.ts';
import { turnMode } from './modes/turn.ts';
import { printFindings, writeFindings } from './results.ts';

const MODES: readonly Mode[] = [
  turnMode,
  longMode,
  addedMode,
  crowdMode,
  memoryMode,
  startMode,
  hedgeMode,
  speculateMode,
  fleetMode,
];
const USAGE = `npm run bench -- [${MODES.map(({ name }) => name).join(' | ')}]... [options]

  --seed <number>   of conversations and delays (20261121)
  --runs <number>   interleaved repetitions, the median counts (5)
  --full            turn: 50 calls of each length, a fresh process for each (ten minutes)
  --no-build        measure dist as it is
  --no-write        leave docs/results.md alone`;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    seed: { type: 'string', default: '20261121' },
    runs: { type: 'string', default: '5' },
    full: { type: 'boolean', default: false },
    build: { type: 'boolean', default: true },
    write: { type: 'boolean', default: true },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const unknown = positionals.filter((name) => !MODES.some((mode) => mode.name === name));
if (flags.help || unknown.length > 0) {
  console.log(unknown.length > 0 ? `There is no mode ${unknown.join(', ')}.\n\n${USAGE}` : USAGE);
  process.exit(unknown.length > 0 ? 2 : 0);
}

if (flags.build) execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' });
const host = describeHost();
const options: ModeOptions = {
  seed: Number(flags.seed),
  runs: Number(flags.runs),
  isFull: flags.full,
  note: (line) => console.error(`  ${line}`),
};
console.log(`${host}, seed ${options.seed}`);
for (const mode of MODES.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
  console.error(`${mode.name}: ${mode.title}`);
  const findings = await mode.run(options);
  console.log(printFindings(mode, findings));
  const command = ['npm run bench --', mode.name, ...(flags.full ? ['--full'] : [])].join(' ');
  if (flags.write) writeFindings(mode, findings, `${host}, seed ${options.seed}, ${options.runs} runs: \`${command}\``);
  if (findings.goals.some(({ isHeld }) => !isHeld)) process.exitCode = 1;
}
