import { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import { createLog } from './log.ts';

function written(write: (log: ReturnType<typeof createLog>) => void): string {
  let text = '';
  const destination = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  write(createLog('debug', destination));
  return text;
}

it('keeps ids and reasons', () => {
  const text = written((log) => log.warn({ callId: 'call_00000001', reason: 'model.unavailable' }, 'draft failed'));
  expect(JSON.parse(text)).toMatchObject({ callId: 'call_00000001', reason: 'model.unavailable', msg: 'draft failed' });
});

it('drops what a person said or is, at every level and depth that we use', () => {
  const text = written((log) => {
    log.debug({ pii: { words: 'canary' } }, 'heard');
    log.error({ turn: { pii: 'canary' }, err: new Error('canary') }, 'failed');
    log.child({ pii: 'canary' }).info({}, 'child');
  });
  expect(text).not.toContain('canary');
});
