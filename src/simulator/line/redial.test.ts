import { describe, expect, it } from 'vitest';
import { afterLoss, type Loss } from './redial.ts';

const NONE = { abnormal: 0, keepalive: 0 };

describe('what Retell does when a socket is lost', () => {
  it.each<[string, Loss, string]>([
    ['a hang-up with 1000', { kind: 'closed', code: 1000 }, 'agent_hangup'],
    ['a close without a status', { kind: 'closed', code: 1005 }, 'error_llm_websocket_open'],
    ['a close with 1001', { kind: 'closed', code: 1001 }, 'error_llm_websocket_runtime'],
    ['a close with 1009', { kind: 'closed', code: 1009 }, 'error_llm_websocket_runtime'],
    ['a close with 1012', { kind: 'closed', code: 1012 }, 'error_llm_websocket_runtime'],
    ['a close with 4000', { kind: 'closed', code: 4000 }, 'error_llm_websocket_runtime'],
    ['a binary frame', { kind: 'binary' }, 'error_llm_websocket_corrupt_payload'],
    ['a server nobody can reach', { kind: 'unreachable', while: 'opening' }, 'error_llm_websocket_open'],
    ['a redial that fails', { kind: 'unreachable', while: 'redialling' }, 'error_llm_websocket_runtime'],
    [
      'a redial after lost keepalives that fails',
      { kind: 'unreachable', while: 'keepalive' },
      'error_llm_websocket_lost_connection',
    ],
  ])('ends the call after %s', (_title, loss, reason) => {
    expect(afterLoss(loss, NONE)).toEqual({ kind: 'over', reason });
  });

  it('redials four times after 1006, then gives up', () => {
    let redials = NONE;
    for (let i = 0; i < 4; i++) {
      const next = afterLoss({ kind: 'closed', code: 1006 }, redials);
      expect(next.kind).toBe('redial');
      if (next.kind === 'redial') redials = next.redials;
    }
    expect(afterLoss({ kind: 'closed', code: 1006 }, redials)).toEqual({
      kind: 'over',
      reason: 'error_llm_websocket_runtime',
    });
    expect(afterLoss({ kind: 'keepalive' }, redials).kind).toBe('redial');
  });

  it('redials twice after lost keepalives, then gives up', () => {
    expect(afterLoss({ kind: 'keepalive' }, { abnormal: 0, keepalive: 1 }).kind).toBe('redial');
    expect(afterLoss({ kind: 'keepalive' }, { abnormal: 0, keepalive: 2 })).toEqual({
      kind: 'over',
      reason: 'error_llm_websocket_lost_connection',
    });
  });
});
