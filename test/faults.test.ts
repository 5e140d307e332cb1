import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LISTED_KINDS, listedReasons, missingRows, statedReasons } from './fault-reasons.ts';
import { ROOT, readSources, scanSource } from './source-scanner.ts';

const sources = [
  ...readSources('src', 'agents').filter(({ path }) => !/\.(?:test|fixture)\.ts$/.test(path)),
  scanSource('bin/offhook.js', readFileSync(join(ROOT, 'bin/offhook.js'), 'utf8')),
];
const events = sources.find(({ path }) => path === 'src/call/events.ts');
const eventKinds = new Set([...(events?.strings.values() ?? [])].filter((text) => text.startsWith('call.')));
const listed = listedReasons(readFileSync(join(ROOT, 'docs/faults.md'), 'utf8'));

describe('docs/faults.md', () => {
  it('lists every reason in the code, with its kind', () => {
    const stated = sources.flatMap((source) => statedReasons(source, eventKinds));
    expect(stated.length).toBeGreaterThan(50);
    expect(missingRows(stated, listed)).toEqual([]);
  });

  it('lists no reason that the code does not have', () => {
    // In bin the reason stands in a sentence: plain text counts there.
    const launcher = readFileSync(join(ROOT, 'bin/offhook.js'), 'utf8');
    const known = new Set(sources.flatMap(({ strings }) => [...strings.values()]));
    expect(listed.filter(({ reason }) => !known.has(reason) && !launcher.includes(reason))).toEqual([]);
  });

  it('lists each reason once, fills every cell, and keeps the order of the alphabet', () => {
    const reasons = listed.map(({ reason }) => reason);
    expect(reasons.filter((reason, index) => reasons.indexOf(reason) !== index)).toEqual([]);
    expect(listed.filter(({ cells }) => cells.length < 3 || cells.includes(''))).toEqual([]);
    expect(listed.filter(({ kind }) => !LISTED_KINDS.includes(kind))).toEqual([]);
    expect(reasons).toEqual([...reasons].sort());
  });
});

describe('the search for reasons finds', () => {
  const found = (text: string) =>
    statedReasons(scanSource('src/servers/http.ts', text), new Set(['call.ended'])).map(({ reason, kind }) => [
      reason,
      kind,
    ]);

  it.each([
    ["throw new Fault('invalid', 'frame.odd', `expected`);", 'invalid', 'frame.odd'],
    ["throw new Fault(\n  'timeout',\n  'door.slow',\n  'x'\n);", 'timeout', 'door.slow'],
    ["await withDeadline(clock, LIMIT_MS, 'door.late', signal, work);", 'timeout', 'door.late'],
    ["toFault(thrown, 'door.threw')", 'bug', 'door.threw'],
    ["const ROW = { kind: 'bug', reason: 'door.broken' };", 'bug', 'door.broken'],
    ["type Verdict = 'door.shut';", undefined, 'door.shut'],
  ])('%s', (text, kind, reason) => {
    expect(found(text)).toEqual([[reason, kind]]);
  });

  it('nothing in comments, names of files and events', () => {
    expect(
      found("// 'door.shut'\nconst file = 'live.db'; const kind = 'call.ended';\nimport x from './door.ts';"),
    ).toEqual([]);
  });

  it('what the page lacks, and what it calls by another kind', () => {
    const stated = [
      { reason: 'door.shut', kind: 'conflict', path: 'src/a.ts' },
      { reason: 'door.late', kind: 'timeout', path: 'src/a.ts' },
    ];
    const page = '| reason | kind |\n| --- | --- |\n| `door.late` | bug | a | b | c |';
    expect(missingRows(stated, listedReasons(page))).toEqual([
      '| `door.late` | timeout | ... (src/a.ts; the page says bug)',
      '| `door.shut` | conflict |  |  |  | (src/a.ts)',
    ]);
  });
});
