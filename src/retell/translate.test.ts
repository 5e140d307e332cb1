import { describe, expect, it } from 'vitest';
import { type Action, parseCallId, type ToolOutcome, type ToolUse } from '../call/call.ts';
import type { Effect } from '../call/effects.ts';
import { transcriptOf } from './both-ways.fixture.ts';
import { parseFrame } from './frames.ts';
import { framesOf, socketPath, toTranscript, variablesOf } from './translate.ts';

const say = (action?: Action): Effect => ({
  kind: 'say',
  responseId: 4,
  text: 'Done. ',
  isComplete: action !== undefined,
  ...(action && { action }),
});
const use: ToolUse = {
  toolCallId: 'call_1.1.4.1.0',
  name: 'track_parcel',
  arguments: '{"order":"A-77"}',
  request: 1,
  at: 2,
  isSafe: true,
  granted: [],
};
const noted = (outcome: ToolOutcome): Effect => ({ kind: 'noteOutcome', settledTool: { use, outcome } });

describe('what is said', () => {
  const response = { response_type: 'response', response_id: 4, content: 'Done. ', content_complete: true };

  it('is a response under its id', () => {
    expect(framesOf(say())).toEqual([{ ...response, content_complete: false }]);
  });

  it.each([
    [{ kind: 'end' }, { end_call: true }],
    [{ kind: 'digits', digits: '12#' }, { digit_to_press: '12#' }],
    [
      { kind: 'transfer', number: '+15550100' },
      { transfer_number: '+15550100', no_interruption_allowed: true },
    ],
    [
      { kind: 'transfer', number: '+15550100', showCaller: true },
      { transfer_number: '+15550100', no_interruption_allowed: true, show_transferee_as_caller: true },
    ],
    [
      { kind: 'transfer', number: '+15550100', showCaller: false },
      { transfer_number: '+15550100', no_interruption_allowed: true },
    ],
  ] satisfies [Action, object][])('carries the action %j', (action, fields) => {
    expect(framesOf(say(action))).toEqual([{ ...response, ...fields }]);
  });
});

describe('an unasked word', () => {
  it('is an interrupt of its own id that the caller cannot talk down', () => {
    expect(framesOf({ kind: 'interject', interruptId: 2, text: 'One moment.' })).toEqual([
      {
        response_type: 'agent_interrupt',
        interrupt_id: 2,
        content: 'One moment.',
        content_complete: true,
        no_interruption_allowed: true,
      },
    ]);
  });

  it('may carry an action, but has no say in whose number is shown', () => {
    const action = { kind: 'transfer', number: '+15550100', showCaller: true } as const;
    const [frame] = framesOf({ kind: 'interject', interruptId: 2, text: '', action });
    expect(frame).toMatchObject({ transfer_number: '+15550100' });
    expect(frame).not.toHaveProperty('show_transferee_as_caller');
  });
});

describe('a tool', () => {
  it('is noted when it is asked', () => {
    expect(framesOf({ kind: 'noteUse', use })).toEqual([
      {
        response_type: 'tool_call_invocation',
        tool_call_id: 'call_1.1.4.1.0',
        name: 'track_parcel',
        arguments: '{"order":"A-77"}',
      },
    ]);
  });

  it.each([
    [
      { kind: 'done', content: 'Friday' },
      { content: 'Friday', successful: true },
    ],
    [
      { kind: 'failed', content: 'no such order' },
      { content: 'no such order', successful: false },
    ],
    [{ kind: 'unknown' }, { content: 'unknown' }],
  ] satisfies [ToolOutcome, object][])('is noted when it settles: %j', (outcome, fields) => {
    expect(framesOf(noted(outcome))).toEqual([
      { response_type: 'tool_call_result', tool_call_id: 'call_1.1.4.1.0', ...fields },
    ]);
  });

  it('may tell a web page, and tune the agent, with the fields it names and no others', () => {
    expect(framesOf({ kind: 'tell', tell: { kind: 'metadata', metadata: { screen: 'order' } } })).toEqual([
      { response_type: 'metadata', metadata: { screen: 'order' } },
    ]);
    const config = { responsiveness: 0.4, interruptionSensitivity: 0, reminderTriggerMs: 15_000, reminderMaxCount: 0 };
    expect(framesOf({ kind: 'tell', tell: { kind: 'agent', config } })).toEqual([
      {
        response_type: 'update_agent',
        agent_config: {
          responsiveness: 0.4,
          interruption_sensitivity: 0,
          reminder_trigger_ms: 15_000,
          reminder_max_count: 0,
        },
      },
    ]);
    expect(framesOf({ kind: 'tell', tell: { kind: 'agent', config: {} } })).toEqual([
      { response_type: 'update_agent', agent_config: {} },
    ]);
  });
});

it('what concerns only us sends nothing', () => {
  const ours: readonly Effect[] = [
    { kind: 'commit' },
    { kind: 'hangUp' },
    { kind: 'abort', draftId: '1.1.1' },
    { kind: 'arm', timer: 'filler', at: 1 },
    { kind: 'disarm', timer: 'filler' },
    { kind: 'record', fact: { type: 'call.adrift' } },
    { kind: 'tool', use, isProven: true },
  ];
  expect(ours.flatMap(framesOf)).toEqual([]);
});

describe('a transcript', () => {
  const read = (fields: object) => {
    const parsed = parseFrame(JSON.stringify({ interaction_type: 'update_only', ...fields }));
    return parsed.kind === 'frame' && parsed.frame.interaction_type === 'update_only'
      ? transcriptOf(parsed.frame)
      : 'not a frame';
  };
  const hi = { role: 'user', content: 'hi' };

  it('counts a role it does not know as the user’s side of the line', () => {
    const wire = ['agent', 'user', 'transfer_target', 'supervisor'].map((role) => ({ role, content: role }));
    expect(toTranscript(wire).map(({ role }) => role)).toEqual(['agent', 'user', 'transfer_target', 'user']);
  });

  it('keeps nothing of an utterance but who spoke and what', () => {
    expect(read({ transcript: [{ ...hi, words: [{ word: 'hi' }], mood: 'calm' }] })).toEqual([hi]);
  });

  it('hears pressed keys in their place, and leaves tools and messages out', () => {
    const woven = [
      { role: 'agent', content: 'Press one.' },
      { role: 'dtmf', digit: '1' },
      { role: 'tool_call_invocation', tool_call_id: 't', name: 'x', arguments: '{}' },
      { role: 'tool_call_result', tool_call_id: 't', content: 'ok' },
      { role: 'sms', content: 'hello', time_sec: 3 },
      { role: 'transfer_target', content: 'Yes?' },
    ];
    expect(read({ transcript: [hi], transcript_with_tool_calls: woven })).toEqual([
      { role: 'agent', content: 'Press one.' },
      { role: 'user', content: '(pressed 1)' },
      { role: 'transfer_target', content: 'Yes?' },
    ]);
  });

  it('is the plain one where no key was pressed', () => {
    expect(read({ transcript: [hi], transcript_with_tool_calls: [{ role: 'agent', content: 'x' }] })).toEqual([hi]);
  });

  it('is the woven one where the plain one cannot be read', () => {
    expect(read({ transcript: 7, transcript_with_tool_calls: [hi] })).toEqual([hi]);
    expect(read({ transcript: 7, transcript_with_tool_calls: 'x' })).toBeUndefined();
  });

  it('passes over a key that is no text, however deep', () => {
    const digit = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const parsed = parseFrame(
      `{"interaction_type":"update_only","transcript_with_tool_calls":[{"role":"dtmf","digit":${digit}}]}`,
    );
    if (parsed.kind !== 'frame' || parsed.frame.interaction_type !== 'update_only') throw new Error('expected a frame');
    expect(transcriptOf(parsed.frame)).toEqual([]);
  });
});

describe('variables', () => {
  it('are the texts among the dynamic variables', () => {
    expect(variablesOf({ retell_llm_dynamic_variables: { name: 'Ida', age: 7, tags: ['a'], none: null } })).toEqual({
      name: 'Ida',
    });
    expect(variablesOf({})).toEqual({});
  });

  it('cannot reach the prototype of anything', () => {
    const parsed = parseFrame(
      '{"interaction_type":"call_details","call":{"retell_llm_dynamic_variables":{"__proto__":"x","a":"b"}}}',
    );
    if (parsed.kind !== 'frame' || parsed.frame.interaction_type !== 'call_details')
      throw new Error('expected a frame');
    const variables = variablesOf(parsed.frame.call);
    expect(Object.getPrototypeOf(variables)).toBe(Object.prototype);
    expect(variables.a).toBe('b');
  });
});

describe('the path of a call', () => {
  it('ends in its id, after the secret where there is one', () => {
    const callId = parseCallId('call_00000001');
    if (!callId) throw new Error('expected a call id');
    expect(socketPath(callId)).toBe('/llm-websocket/call_00000001');
    expect(socketPath(callId, 's3cret')).toBe('/llm-websocket/s3cret/call_00000001');
  });
});
