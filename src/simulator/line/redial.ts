/** How a socket was lost, as Retell sees it. */
export type Loss =
  /** The server's close frame, or 1006 when there was none. */
  | { readonly kind: 'closed'; readonly code: number }
  /** No ping_pong came back for five seconds. */
  | { readonly kind: 'keepalive' }
  /** The server sent a binary frame. */
  | { readonly kind: 'binary' }
  /** The server could not be reached, after every attempt. */
  | { readonly kind: 'unreachable'; readonly while: 'opening' | 'redialling' | 'keepalive' };

/** Redials so far, and how many there may be. */
export interface Redials {
  readonly abnormal: number;
  readonly keepalive: number;
}

/** Redials in the life of one call, as documented. */
const REDIAL_LIMITS: Redials = { abnormal: 4, keepalive: 2 };

/** What comes after a loss; `reason` is a disconnection_reason. */
type AfterLoss =
  | { readonly kind: 'redial'; readonly redials: Redials }
  | { readonly kind: 'over'; readonly reason: string };

/**
 * What Retell does when a socket is lost on a live call.
 *
 * @source docs.retellai.com/integrate-llm/setup-websocket-server and troubleshooting: three ways to reconnect,
 * everything else ends the call
 */
export function afterLoss(loss: Loss, redials: Redials): AfterLoss {
  switch (loss.kind) {
    case 'closed':
      return afterClose(loss.code, redials);
    case 'keepalive':
      if (redials.keepalive >= REDIAL_LIMITS.keepalive) return over('error_llm_websocket_lost_connection');
      return { kind: 'redial', redials: { ...redials, keepalive: redials.keepalive + 1 } };
    case 'binary':
      return over('error_llm_websocket_corrupt_payload');
    case 'unreachable':
      if (loss.while === 'opening') return over('error_llm_websocket_open');
      return over(loss.while === 'keepalive' ? 'error_llm_websocket_lost_connection' : 'error_llm_websocket_runtime');
    default:
      return loss satisfies never;
  }
}

function afterClose(code: number, redials: Redials): AfterLoss {
  if (code === 1000) return over('agent_hangup');
  if (code === 1005) return over('error_llm_websocket_open');
  if (code !== 1006 || redials.abnormal >= REDIAL_LIMITS.abnormal) return over('error_llm_websocket_runtime');
  return { kind: 'redial', redials: { ...redials, abnormal: redials.abnormal + 1 } };
}

function over(reason: string): AfterLoss {
  return { kind: 'over', reason };
}
