/**
 * The long proofs: real servers, in quiet and in trouble; what came of them goes into docs/results.md, each as soon as
 * it is known. `npm run prove` runs them all and goes on where it was stopped; `npm run prove -- fleet-kill` runs one;
 * `--again` also those that passed with this very code. Ends with 1 when one fails.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './host.ts';
import { FLEET_PROOFS } from './proofs/fleet.ts';
import type { Proof } from './proofs/proof.ts';
import { committedCode } from './proofs/provenance.ts';
import { SINGLE } from './proofs/single.ts';
import { editResults } from './results-page.ts';

/** With which code each proof last passed. */
const PASSED = join(ROOT, '.offhook', 'proofs.json');
const PROOFS: readonly Proof[] = [SINGLE, ...FLEET_PROOFS];

const wanted = process.argv.slice(2).filter((name) => name !== '--again');
const isAgain = process.argv.includes('--again');
const unknown = wanted.filter((name) => !PROOFS.some((proof) => proof.name === name));
if (unknown.length > 0) {
  console.error(`✗ expected names out of ${PROOFS.map(({ name }) => name).join(', ')}; got ${unknown.join(', ')}`);
  process.exit(2);
}

for (const proof of PROOFS) {
  if (wanted.length > 0 && !wanted.includes(proof.name)) continue;
  const code = committedCode();
  if (!isAgain && code !== undefined && readPassed()[proof.name] === code) {
    console.log(`✓ ${proof.name}: passed with this code; --again to run it`);
    continue;
  }
  const hasPassed = await prove(proof);
  if (!hasPassed) process.exitCode = 1;
  else if (code !== undefined) keepPassed({ ...readPassed(), [proof.name]: code });
}

async function prove(proof: Proof): Promise<boolean> {
  console.log(`… ${proof.name}`);
  const { failures, writeInto } = await proof.run(AbortSignal.timeout(proof.withinMs), console.log);
  editResults(writeInto);
  for (const failure of failures) console.error(`✗ ${proof.name}: ${failure}`);
  if (failures.length === 0) console.log(`✓ ${proof.name}`);
  return failures.length === 0;
}

function readPassed(): Readonly<Record<string, string>> {
  try {
    return JSON.parse(readFileSync(PASSED, 'utf8'));
  } catch {
    return {}; // none has passed yet
  }
}

function keepPassed(passed: Readonly<Record<string, string>>): void {
  mkdirSync(dirname(PASSED), { recursive: true });
  writeFileSync(PASSED, JSON.stringify(passed, undefined, 2));
}
