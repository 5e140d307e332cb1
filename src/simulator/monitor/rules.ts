/** Every rule of the protocol the monitor holds a server to, with what breaking it does to a caller. */
export const RULES = {
  'frame.binary': 'a binary frame: Retell closes 1007 and the call ends',
  'frame.not_json': 'not one JSON object: Retell ignores it, the words are lost',
  'frame.no_response_type': 'no response_type: read as a response by courtesy only',
  'frame.bad_fields': 'a field is missing, mistyped or unknown: Retell drops the frame',
  'config.not_first': 'config was not the first frame of a socket: no keepalive and no call_details until it comes',
  'greeting.repeated': 'id 0 with words a second time: the caller is greeted twice',
  'greeting.missing': 'no id 0 with words: the caller hears nothing when the call begins',
  'ask.unclosed': 'an ask was never completed: the caller hears silence and Retell waits for ever',
  'content.stale': 'content for an id that a newer ask had replaced',
  'content.unknown_id': 'content for an id that was never asked',
  'content.after_completion': 'content for an id after its content_complete: it is never spoken',
  'ping.not_echoed': 'no ping_pong for five seconds: Retell drops the socket and redials, twice at most',
  'ping.wrong_timestamp': 'an echo with a timestamp that was not sent',
  'action.repeated': 'more than one action for an id: only one of them runs',
  'close.live_call': 'a close frame on a live call, other than 1000 after end_call: the call ends',
} as const;

/** The name of a rule. */
export type Rule = keyof typeof RULES;

/** A breach before it is known whose it is. `detail` names ids, fields and sizes, never a word of what was said. */
export interface Finding {
  readonly rule: Rule;
  readonly detail: string;
}

/** One rule broken once. */
export interface Breach extends Finding {
  readonly callId: string;
  /** Clock.now() of the simulator. */
  readonly atMs: number;
}

/** Says whose breach a finding is, and when. */
export function breachOf(finding: Finding, callId: string, atMs: number): Breach {
  return { ...finding, callId, atMs };
}
