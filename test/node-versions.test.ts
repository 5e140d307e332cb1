import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './source-scanner.ts';

/** The rule stands in two scripts that an old Node must be able to run, and that are not published together. */
function ruleIn(path: string): string {
  const [rule = ''] = /^function isNewEnough.*?^}$/ms.exec(readFileSync(join(ROOT, path), 'utf8')) ?? [];
  return rule;
}

describe('the versions of Node that offhook runs on', () => {
  it('are the same for the launcher and for what fetches a Node', () => {
    expect(ruleIn('bin/offhook.js')).toContain('return');
    expect(ruleIn('tools/fetch-node.mjs')).toBe(ruleIn('bin/offhook.js'));
  });

  it('are those of package.json', () => {
    const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(engines.node).toBe('^22.22.2 || >=24.11');
    const isNewEnough = new Function('version', `${ruleIn('bin/offhook.js')}\nreturn isNewEnough(version);`);
    const accepted = ['20.20.0', '22.22.1', '22.22.2', '22.23.0', '23.9.0', '24.10.9', '24.11.0', '25.0.0'];
    expect(accepted.filter((version) => isNewEnough(version))).toEqual(['22.22.2', '22.23.0', '24.11.0', '25.0.0']);
  });
});
