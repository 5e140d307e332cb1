import { describe, expect, it } from 'vitest';
import { DEFAULT_SWITCHES } from './switches.ts';
import { socketUrl, webUrl } from './urls.ts';

describe('the addresses of a server', () => {
  it.each([
    ['http://127.0.0.1:8080', 'ws://127.0.0.1:8080/llm-websocket/call_1'],
    ['https://example.org/', 'wss://example.org/llm-websocket/call_1'],
    ['ws://127.0.0.1:8080', 'ws://127.0.0.1:8080/llm-websocket/call_1'],
    ['https://example.org/voice/', 'wss://example.org/voice/llm-websocket/call_1'],
  ])('dials %s at the path of the call', (baseUrl, expected) => {
    expect(socketUrl({ baseUrl }, 'call_1', DEFAULT_SWITCHES)).toBe(expected);
  });

  it('puts the secret before the call id', () => {
    expect(socketUrl({ baseUrl: 'http://h', socketSecret: 's3cret' }, 'call_1', DEFAULT_SWITCHES)).toBe(
      'ws://h/llm-websocket/s3cret/call_1',
    );
  });

  it('puts the call id before or after a query, as the switch says', () => {
    const target = { baseUrl: 'http://h', query: 'tenant=a' };
    expect(socketUrl(target, 'call_1', DEFAULT_SWITCHES)).toBe('ws://h/llm-websocket/call_1?tenant=a');
    expect(socketUrl(target, 'call_1', { ...DEFAULT_SWITCHES, callIdWithQuery: 'after' })).toBe(
      'ws://h/llm-websocket?tenant=a/call_1',
    );
  });

  it('refuses what is not an address', () => {
    for (const baseUrl of ['', 'localhost:8080', 'ftp://h']) {
      expect(() => webUrl({ baseUrl }, '/x')).toThrow(expect.objectContaining({ reason: 'simulator.bad_url' }));
    }
  });
});
