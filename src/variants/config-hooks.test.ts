import { expect, it } from 'vitest';
import { chooseHooks } from './config-hooks.ts';

const place = (key: string) => `offhook.config.ts:4 ${key}`;

it('takes the functions that a file names, and nothing else of it', async () => {
  const onCallPlaced = async () => {};
  const { hooks, findings } = chooseHooks({ onCallPlaced, maxCalls: 3 }, place);
  expect(hooks).toEqual({ onCallPlaced });
  expect(findings).toEqual([]);
});

it('refuses what is no function, and says where it stands', () => {
  const { hooks, findings } = chooseHooks({ onCallAnalyzed: 'hooks/analyzed.ts' }, place);
  expect(hooks).toEqual({});
  expect(findings).toMatchObject([{ reason: 'config.invalid' }]);
  expect(findings[0]?.message).toMatch(/^offhook\.config\.ts:4 onCallAnalyzed: expected a function/);
});
