import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { breachesOf, cyclesOf, unknownRooms } from './architecture-rules.ts';
import { ROOT, readSources, scanSource } from './source-scanner.ts';

const sources = readSources('src', 'agents');
const tests = readSources('test');
const config = scanSource('offhook.config.ts', readFileSync(join(ROOT, 'offhook.config.ts'), 'utf8'));

describe('the house', () => {
  it('keeps its arrows, its sizes and its words', () => {
    expect(sources.length).toBeGreaterThan(50);
    expect([...sources, ...tests, config].flatMap(breachesOf)).toEqual([]);
  });

  it('has no circle of imports, type-only ones included', () => {
    expect(cyclesOf(sources.filter(({ path }) => !/\.(?:test|fixture)\.ts$/.test(path)))).toEqual([]);
  });

  it('has no room the table does not know', () => {
    expect(unknownRooms(sources)).toEqual([]);
  });
});

describe('the scanner finds', () => {
  const breaches = (path: string, text: string) => breachesOf(scanSource(path, text));

  it.each([
    ['src/call/turn.ts', "import { x } from '../session/roster.ts';"],
    ['src/call/turn.ts', "import type { X } from '../ports/leases.ts';"],
    ['src/call/turn.ts', "import { readFile } from 'node:fs/promises';"],
    ['src/retell/frames.ts', "import {\n  type A,\n  b,\n} from '../agent/agent.ts';"],
    ['src/servers/rest.ts', "import { x } from '../agent/agent.ts';"],
    ['src/session/roster.ts', "import { x } from '../adapters/memory/leases.ts';"],
    ['src/adapters/sqlite/live.ts', "import { x } from '../memory/leases.ts';"],
    ['src/adapters/sqlite/live.ts', "const x = await import('../../retell/frames.ts');"],
    ['src/simulator/line.ts', "import { x } from '../servers/http.ts';"],
    ['src/variants/single.ts', "import { x } from '../simulator/line.ts';"],
    ['src/servers/http.ts', "import 'kysely';"],
    ['src/agent/agent.ts', "import { pino } from 'pino';"],
    ['src/adapters/models/openai.ts', "import OpenAI from 'retell-sdk';"],
    ['agents/front-desk.ts', "import { x } from '../src/agent/agent.ts';"],
    ['agents/front-desk.ts', "import { x } from '../src/std/clock.ts';"],
  ])('an arrow that points up: %s %s', (path, text) => {
    expect(breaches(path, text)).toEqual([expect.stringContaining('may not import')]);
  });

  it.each([
    ['src/session/roster.ts', 'const at = Date.now();'],
    ['src/simulator/line.ts', 'setTimeout(run, 5);'],
    ['src/adapters/sqlite/records-thread.ts', 'const timer = setInterval(run, 5);'],
    ['src/agent/filler.ts', `pick(\`\${Math.random()}\`);`],
    ['src/cli/start.ts', 'const home = process.env.HOME;'],
    ['src/call/machine.ts', 'export async function step() {}'],
    ['src/session/session.ts', 'this.#socket.close(1000);'],
    ['src/servers/http.ts', 'ws?.close();'],
    ['src/servers/llm-socket.ts', 'super.close(1000);'],
    ['src/std/clock.ts', "export { x } from './fault.ts';"],
    ['src/index.ts', "export * from './std/fault.ts';"],
    ['src/std/clock.ts', 'export default 1;'],
    ['src/std/clock.ts', "throw new Error('no');"],
    ['src/std/clock.ts', 'x;\n'.repeat(401)],
    ['src/std/clock.test.ts', 'x;\n'.repeat(401)],
  ])('a breach in %s', (path, text) => {
    expect(breaches(path, text)).toHaveLength(1);
  });

  it.each([
    ['src/servers/call-web-socket.ts', 'super.close(1000); socket.close(1000);'],
    ['src/std/clock.ts', 'Date.now(); setTimeout(run, 1);'],
    ['src/variants/environment.ts', 'return process.env;'],
    ['src/adapters/retell/call-control.ts', "import { x } from '../../retell/frames.ts';\nimport R from 'retell-sdk';"],
    ['src/call/machine.ts', '// we await nothing; Date.now is not ours'],
    ['src/call/machine.ts', `const words = 'await Date.now()'; const r = /await/g; const t = \`async \${1} await\`;`],
    ['src/index.ts', "export { defineAgent } from './agent/agent.ts';"],
    ['src/variants/single.ts', "const { x } = await import('../adapters/memory/leases.ts');"],
    ['agents/front-desk.ts', "import { z } from 'zod';\nimport { tool } from '../src/index.ts';\nexport default tool;"],
    ['src/std/clock.test.ts', "import { x } from '../session/roster.ts';\nsetTimeout(x, 1);"],
  ])('nothing wrong in %s: %s', (path, text) => {
    expect(breaches(path, text)).toEqual([]);
  });

  it('a circle, also when only types make it', () => {
    const a = scanSource('src/std/a.ts', "import type { B } from './b.ts';");
    const b = scanSource('src/std/b.ts', "import { c } from './c.ts';");
    const c = scanSource('src/std/c.ts', "import type { A } from './a.ts';");
    expect(cyclesOf([a, b])).toEqual([]);
    expect(cyclesOf([a, b, c])).toEqual(['src/std/a.ts -> src/std/b.ts -> src/std/c.ts -> src/std/a.ts']);
  });

  it('a room that nobody planned', () => {
    expect(unknownRooms([scanSource('src/utils/all.ts', '')])).toEqual(['utils']);
  });
});
