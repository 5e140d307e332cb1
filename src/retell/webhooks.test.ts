import { describe, expect, it } from 'vitest';
import { parseFunction, parseInbound, parseLifecycle, printInboundReply, webhookKey } from './webhooks.ts';

const lifecycle = (body: unknown) => {
  const parsed = parseLifecycle(JSON.stringify(body));
  if (parsed.kind === 'malformed') throw new Error(parsed.reason);
  return parsed.webhook;
};
const keyOf = (body: unknown) => webhookKey(lifecycle(body), JSON.stringify(body));

describe('lifecycle webhooks', () => {
  it.each([
    'call_started',
    'call_ended',
    'call_analyzed',
    'transcript_updated',
    'transfer_started',
    'transfer_bridged',
    'transfer_cancelled',
    'transfer_ended',
    'call_something_new',
  ])('reads %s by the call it brings', (event) => {
    const webhook = lifecycle({ event, call: { call_id: 'call_7f1aaaaa', call_status: 'registered', extra: 1 } });
    expect(webhook).toMatchObject({ kind: 'call', event, call: { call_id: 'call_7f1aaaaa' } });
  });

  it.each(['chat_started', 'chat_ended', 'chat_analyzed', 'transcript_updated'])('reads %s of a chat', (event) => {
    expect(lifecycle({ event, chat: { chat_id: 'chat_1' } })).toMatchObject({ kind: 'chat', event });
  });

  it('reads alerts and events nobody has heard of', () => {
    expect(lifecycle({ event: 'alert_triggered', alert: { rule: 'x' } })).toEqual({
      kind: 'alert',
      event: 'alert_triggered',
    });
    expect(lifecycle({ event: 'brand_new', data: [1, 2] })).toEqual({ kind: 'unknown', event: 'brand_new' });
  });

  it('reads past wrong types in fields it can do without', () => {
    const webhook = lifecycle({
      event: 'call_ended',
      call: { call_id: 'call_7f1aaaaa', duration_ms: 'long', disconnection_reason: 7 },
    });
    expect(webhook).toMatchObject({ kind: 'call', call: { call_id: 'call_7f1aaaaa' } });
  });

  it.each([
    ['{', 'webhook.not_json'],
    ['', 'webhook.not_json'],
    ['[]', 'webhook.not_object'],
    ['null', 'webhook.not_object'],
    ['"call_ended"', 'webhook.not_object'],
    ['{}', 'webhook.bad_fields'],
    ['{"event":7}', 'webhook.bad_fields'],
    ['{"event":"call_ended"}', 'webhook.bad_fields'],
    ['{"event":"call_ended","call":{"call_id":9}}', 'webhook.bad_fields'],
  ])('says what is wrong with %s', (body, reason) => {
    expect(parseLifecycle(body)).toMatchObject({ kind: 'malformed', reason });
  });

  it('is not polluted by a __proto__ in the body', () => {
    parseLifecycle(
      '{"event":"call_ended","__proto__":{"polluted":1},"call":{"call_id":"call_1","__proto__":{"polluted":1}}}',
    );
    expect('polluted' in {}).toBe(false);
  });
});

describe('the key of a webhook', () => {
  it('is the same for two deliveries of one event of a call', () => {
    const ended = { event: 'call_ended', call: { call_id: 'call_7f1aaaaa' } };
    expect(keyOf(ended)).toBe(keyOf({ ...ended, delivered: 'again' }));
    expect(keyOf(ended)).not.toBe(keyOf({ ...ended, event: 'call_started' }));
  });

  it('tells two transfers of one call apart, and never shows where to', () => {
    const to = (number: string) => ({
      event: 'transfer_started',
      call: { call_id: 'call_7f1aaaaa', start_timestamp: 5 },
      transfer_destination: { number },
    });
    expect(keyOf(to('+15550111'))).not.toBe(keyOf(to('+15550112')));
    expect(keyOf(to('+15550111'))).toBe(keyOf(to('+15550111')));
    expect(keyOf(to('+15550111'))).not.toContain('5550111');
  });

  it('falls back to the bytes where there is no id', () => {
    expect(keyOf({ event: 'alert_triggered', alert: { at: 1 } })).not.toBe(
      keyOf({ event: 'alert_triggered', alert: { at: 2 } }),
    );
  });
});

describe('inbound requests', () => {
  it('reads a call with and without an id', () => {
    const read = (body: unknown) => parseInbound(JSON.stringify(body));
    expect(
      read({
        event: 'call_inbound',
        call_inbound: { from_number: '+1', agent_id: 'agent_9', call_id: 'call_7f1aaaaa' },
      }),
    ).toEqual({ kind: 'parsed', inbound: { channel: 'call', agent_id: 'agent_9', id: 'call_7f1aaaaa' } });
    expect(read({ event: 'chat_inbound', chat_inbound: {} })).toMatchObject({ inbound: { channel: 'chat' } });
    expect(read({ event: 'call_ended' })).toMatchObject({ reason: 'webhook.bad_fields' });
  });

  it('answers under the key named after the event', () => {
    expect(JSON.parse(printInboundReply('call', { reject: true }))).toEqual({ call_inbound: { reject: true } });
    expect(JSON.parse(printInboundReply('chat', {}))).toEqual({ chat_inbound: {} });
  });
});

describe('custom functions', () => {
  it('reads the envelope', () => {
    const body = { name: 'track', args: { order: 'A-77' }, call: { call_id: 'call_7f1aaaaa', agent_id: 'agent_9' } };
    const parsed = parseFunction(JSON.stringify(body));
    expect(parsed).toMatchObject({
      request: {
        name: 'track',
        arguments: '{"order":"A-77"}',
        call: { call_id: 'call_7f1aaaaa', agent_id: 'agent_9' },
      },
    });
  });

  it('reads arguments at the root, also when one of them is named args', () => {
    expect(parseFunction('{"order":"A-77"}')).toEqual({ kind: 'parsed', request: { arguments: '{"order":"A-77"}' } });
    expect(parseFunction('{"args":{"a":1}}')).toEqual({
      kind: 'parsed',
      request: { arguments: '{"args":{"a":1}}' },
    });
  });

  it('survives arguments nested a hundred thousand deep', () => {
    const deep = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect(parseFunction(deep)).toMatchObject({ kind: 'malformed', field: 'args' });
  });
});
