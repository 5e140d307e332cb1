import Retell from 'retell-sdk';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../std/clock.ts';
import { sign, signedAtMs, verifySignature } from './signature.ts';

const KEY = 'key_webhook_for_tests';
const NOW = 1_795_166_968_493;
const BODY = '{"event":"call_ended","call":{"call_id":"call_7f1","transcript":"Grüße ☎"}}';
const bytes = (text: string) => Buffer.from(text, 'utf8');

describe('sign and verifySignature', () => {
  it('accepts its own signature', () => {
    expect(verifySignature(bytes(BODY), sign(BODY, KEY, NOW), [KEY], NOW)).toBe('valid');
    expect(verifySignature(bytes(BODY), sign(bytes(BODY), KEY, NOW), [KEY], NOW)).toBe('valid');
  });

  it('signs the empty string for a request without a body', () => {
    expect(verifySignature(Buffer.alloc(0), sign('', KEY, NOW), [KEY], NOW)).toBe('valid');
  });

  it("is accepted by Retell's own verify, and accepts what Retell's own sign makes", async () => {
    const now = systemClock.wall();
    expect(await Retell.verify(BODY, KEY, sign(BODY, KEY, now))).toBe(true);
    expect(await Retell.verify(`${BODY} `, KEY, sign(BODY, KEY, now))).toBe(false);
    expect(verifySignature(bytes(BODY), await Retell.sign(BODY, KEY), [KEY], now)).toBe('valid');
  });

  it('accepts either of two keys during a rotation, and neither afterwards', () => {
    const header = sign(BODY, 'old', NOW);
    expect(verifySignature(bytes(BODY), header, ['old', 'new'], NOW)).toBe('valid');
    expect(verifySignature(bytes(BODY), header, ['new', 'old'], NOW)).toBe('valid');
    expect(verifySignature(bytes(BODY), header, ['new'], NOW)).toBe('mismatch');
    expect(verifySignature(bytes(BODY), header, [], NOW)).toBe('mismatch');
  });

  it('never accepts an empty key, which anybody could sign with', () => {
    expect(verifySignature(bytes(BODY), sign(BODY, '', NOW), [''], NOW)).toBe('mismatch');
  });

  it('accepts exactly five minutes of difference in either direction', () => {
    const fiveMinutes = 300_000;
    const header = sign(BODY, KEY, NOW);
    expect(verifySignature(bytes(BODY), header, [KEY], NOW + fiveMinutes)).toBe('valid');
    expect(verifySignature(bytes(BODY), header, [KEY], NOW - fiveMinutes)).toBe('valid');
    expect(verifySignature(bytes(BODY), header, [KEY], NOW + fiveMinutes + 1)).toBe('expired');
    expect(verifySignature(bytes(BODY), header, [KEY], NOW - fiveMinutes - 1)).toBe('expired');
  });

  it('tells a missing header from a wrong one', () => {
    expect(verifySignature(bytes(BODY), undefined, [KEY], NOW)).toBe('missing');
    expect(verifySignature(bytes(BODY), '', [KEY], NOW)).toBe('missing');
    expect(verifySignature(bytes(BODY), sign(BODY, 'another', NOW), [KEY], NOW)).toBe('mismatch');
  });

  it('refuses a body in which any one bit was changed', () => {
    const header = sign(BODY, KEY, NOW);
    const body = bytes(BODY);
    for (let bit = 0; bit < body.length * 8; bit++) {
      const changed = Buffer.from(body);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verifySignature(changed, header, [KEY], NOW)).toBe('mismatch');
    }
  });

  it('refuses a header in which any one character was changed', () => {
    const header = sign(BODY, KEY, NOW);
    for (let at = 0; at < header.length; at++) {
      const other = header[at] === '1' ? '2' : '1';
      const changed = header.slice(0, at) + other + header.slice(at + 1);
      expect(verifySignature(bytes(BODY), changed, [KEY], NOW)).not.toBe('valid');
    }
  });

  it.each([
    ['fields swapped', (v: string, d: string) => `d=${d},v=${v}`],
    ['upper case', (v: string, d: string) => `v=${v},d=${d.toUpperCase()}`],
    ['a leading zero', (v: string, d: string) => `v=0${v},d=${d}`],
    ['a sign', (v: string, d: string) => `v=+${v},d=${d}`],
    ['another script of digits', (v: string, d: string) => `v=${v.replace('1', '١')},d=${d}`],
    ['a space', (v: string, d: string) => `v=${v}, d=${d}`],
    ['a line end', (v: string, d: string) => `v=${v},d=${d}\n`],
    ['a digit less', (v: string, d: string) => `v=${v},d=${d.slice(1)}`],
    ['a digit more', (v: string, d: string) => `v=${v},d=${d}0`],
    ['a second signature', (v: string, d: string) => `v=${v},d=${d},d=${d}`],
    ['a timestamp beyond counting', (_: string, d: string) => `v=${'9'.repeat(400)},d=${d}`],
    ['no fields', () => 'garbage'],
  ])('refuses a header with %s as malformed', (_title, spell) => {
    const [, v = '', d = ''] = /^v=(\d+),d=(.+)$/.exec(sign(BODY, KEY, NOW)) ?? [];
    expect(verifySignature(bytes(BODY), spell(v, d), [KEY], NOW)).toBe('malformed');
  });
});

it('reads when a signature was made', () => {
  expect(signedAtMs(`v=1795160000000,d=${'0'.repeat(64)}`)).toBe(1_795_160_000_000);
  expect(signedAtMs(undefined)).toBe(0);
});
