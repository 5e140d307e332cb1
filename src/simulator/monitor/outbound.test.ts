import { describe, expect, it } from 'vitest';
import { parseOutbound } from './outbound.ts';

const SPEECH = { content: 'Hello.', content_complete: true };
const GOOD: readonly Readonly<Record<string, unknown>>[] = [
  { response_type: 'config', config: { auto_reconnect: true, call_details: true, transcript_with_tool_calls: false } },
  { response_type: 'ping_pong', timestamp: 1_795_166_968_493 },
  { response_type: 'response', response_id: 0, ...SPEECH },
  {
    response_type: 'response',
    response_id: 4,
    ...SPEECH,
    transfer_number: '+15550100',
    show_transferee_as_caller: true,
  },
  { response_type: 'response', response_id: 4, ...SPEECH, end_call: true, no_interruption_allowed: true },
  { response_type: 'agent_interrupt', interrupt_id: 1, ...SPEECH, digit_to_press: '1' },
  { response_type: 'tool_call_invocation', tool_call_id: 't', name: 'book', arguments: '{"people":2}' },
  { response_type: 'tool_call_result', tool_call_id: 't', content: 'done', successful: true },
  { response_type: 'update_agent', agent_config: { responsiveness: 0.4, reminder_trigger_ms: 15_000 } },
  { response_type: 'metadata', metadata: { screen: 'order' } },
];

const BAD: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ['an unknown type', { response_type: 'shout', content: 'Hello.' }],
  ['a type that is no text', { response_type: 7 }],
  ['a type named like an inherited property', { response_type: 'constructor' }],
  ['an id that is no integer', { response_type: 'response', response_id: 1.5, ...SPEECH }],
  ['an id beyond counting', { response_type: 'response', response_id: 1e300, ...SPEECH }],
  ['a negative id', { response_type: 'response', response_id: -1, ...SPEECH }],
  ['an id in quotes', { response_type: 'response', response_id: '1', ...SPEECH }],
  ['no content', { response_type: 'response', response_id: 1, content_complete: true }],
  ['content that is null', { response_type: 'response', response_id: 1, content: null, content_complete: true }],
  ['completeness in quotes', { response_type: 'response', response_id: 1, content: '', content_complete: 'true' }],
  ['a misspelt field', { response_type: 'response', response_id: 1, ...SPEECH, transfer_numer: '+15550100' }],
  [
    'a caller shown on an interruption',
    { response_type: 'agent_interrupt', interrupt_id: 1, ...SPEECH, show_transferee_as_caller: true },
  ],
  [
    'arguments that are an object',
    { response_type: 'tool_call_invocation', tool_call_id: 't', name: 'n', arguments: {} },
  ],
  [
    'arguments that are not JSON',
    { response_type: 'tool_call_invocation', tool_call_id: 't', name: 'n', arguments: '{' },
  ],
  ['config without its object', { response_type: 'config', auto_reconnect: true }],
  ['a misspelt config', { response_type: 'config', config: { autoreconnect: true } }],
  ['a responsiveness above one', { response_type: 'update_agent', agent_config: { responsiveness: 2 } }],
  ['metadata that is a list', { response_type: 'metadata', metadata: [] }],
];

describe('reading what a server sent', () => {
  it.each(GOOD.map((frame) => [frame.response_type, frame]))('accepts a well-formed %s', (_type, frame) => {
    expect(parseOutbound(JSON.stringify(frame))).toEqual({ kind: 'frame', frame });
  });

  it.each(BAD)('names %s', (_title, frame) => {
    expect(parseOutbound(JSON.stringify(frame))).toMatchObject({ kind: 'breach', rule: 'frame.bad_fields' });
  });

  it.each(['', 'hello', '[]', 'null', '"text"', '{"response_type":'])('names %j as not one JSON object', (text) => {
    expect(parseOutbound(text)).toMatchObject({ kind: 'breach', rule: 'frame.not_json' });
  });

  it('names a frame without response_type, which Retell would read by courtesy', () => {
    expect(parseOutbound(JSON.stringify({ response_id: 1, ...SPEECH }))).toMatchObject({
      rule: 'frame.no_response_type',
    });
  });

  it('never repeats a word of what was said', () => {
    const parsed = parseOutbound(
      JSON.stringify({ response_type: 'response', response_id: 'secret', content: 'secret' }),
    );
    expect(JSON.stringify(parsed)).not.toContain('secret');
  });
});
