import { describe, expect, it } from 'vitest';
import type { OutboundFrame } from '../../retell/frames.ts';
import { type Observation, observe, watchCall } from './monitor.ts';
import { parseOutbound } from './outbound.ts';
import { RULES, type Rule } from './rules.ts';

const CONFIG: OutboundFrame = { response_type: 'config', config: { auto_reconnect: true, call_details: true } };
const CALL_ID = 'call_watched';

type Moment = Observation extends infer O
  ? O extends Observation
    ? Omit<O, 'atMs'> & { atMs?: number }
    : never
  : never;

/** A server's frame at a time, as the monitor is told of it. */
const frame = (body: object, atMs?: number, lagMs = 0): Moment => ({
  kind: 'received',
  lagMs,
  parsed: parseOutbound(JSON.stringify(body)),
  ...(atMs !== undefined && { atMs }),
});
const says = (response_id: number, content: string, content_complete: boolean, more: object = {}) => ({
  response_type: 'response',
  response_id,
  content,
  content_complete,
  ...more,
});
const opened: Moment = { kind: 'opened' };
const lost: Moment = { kind: 'lost' };
const asked = (responseId: number, atMs?: number): Moment => ({
  kind: 'asked',
  responseId,
  ...(atMs !== undefined && { atMs }),
});
const over = (isOurs = true): Moment => ({ kind: 'over', isOurs });

/** A socket that has said config and greeting. */
const greeted: readonly Moment[] = [opened, frame(CONFIG), frame(says(0, 'Good morning.', true))];
const resumed: readonly Moment[] = [lost, opened, frame(CONFIG)];

/** The rules broken by these moments, in order; each takes a millisecond unless it says when. */
function broken(...moments: readonly Moment[]): readonly Rule[] {
  let watch = watchCall({ callId: CALL_ID });
  let atMs = 1_000;
  const rules: Rule[] = [];
  for (const moment of moments) {
    atMs = moment.atMs ?? atMs + 1;
    const next = observe(watch, { ...moment, atMs });
    watch = next.watch;
    rules.push(...next.breaches.map(({ rule }) => rule));
  }
  return rules;
}

const provoked: { readonly [rule in Rule]: readonly Moment[] } = {
  'frame.binary': [...greeted, { kind: 'binary', bytes: 12 }],
  'frame.not_json': [...greeted, { kind: 'received', lagMs: 0, parsed: parseOutbound('hello') }],
  'frame.no_response_type': [...greeted, frame({ response_id: 0, content: '', content_complete: true })],
  'frame.bad_fields': [...greeted, frame({ response_type: 'response', response_id: 1.5, content: '' })],
  'config.not_first': [opened, frame(says(0, 'Good morning.', true)), frame(CONFIG)],
  'greeting.repeated': [...greeted, ...resumed, frame(says(0, 'Good morning.', true))],
  'greeting.missing': [opened, frame(CONFIG), frame(says(0, '', true)), asked(1), frame(says(1, 'Yes.', true)), over()],
  'ask.unclosed': [...greeted, asked(1, 2_000), frame(says(1, 'One moment.', false)), { kind: 'lost', atMs: 32_001 }],
  'content.stale': [...greeted, asked(1), asked(2, 2_000), frame(says(1, 'late', false), 2_051)],
  'content.unknown_id': [...greeted, asked(1), frame(says(2, 'early', true))],
  'content.after_completion': [...greeted, asked(1), frame(says(1, 'Yes.', true)), frame(says(1, 'And', true))],
  'ping.not_echoed': [...greeted, { kind: 'pinged', timestamp: 5 }, { kind: 'pingLost' }],
  'ping.wrong_timestamp': [
    ...greeted,
    { kind: 'pinged', timestamp: 5 },
    frame({ response_type: 'ping_pong', timestamp: 6 }),
  ],
  'action.repeated': [
    ...greeted,
    asked(1),
    frame(says(1, 'Bye.', false, { end_call: true })),
    frame(says(1, '', true, { end_call: true })),
  ],
  'close.live_call': [...greeted, { kind: 'closed', code: 1001 }],
};

describe('the protocol monitor', () => {
  it.each(Object.entries(provoked))('finds %s, once', (rule, moments) => {
    expect(broken(...moments)).toEqual([rule]);
  });

  it('can be provoked to every rule there is', () => {
    expect(Object.keys(provoked).sort()).toEqual(Object.keys(RULES).sort());
  });

  it('finds nothing in a call that keeps every rule, over two sockets', () => {
    expect(
      broken(
        ...greeted,
        { kind: 'pinged', timestamp: 5 },
        frame({ response_type: 'ping_pong', timestamp: 5 }),
        asked(1),
        frame(says(1, 'One moment.', false)),
        frame({ response_type: 'tool_call_invocation', tool_call_id: 't', name: 'n', arguments: '{}' }),
        frame(says(1, 'It is free.', true)),
        asked(2),
        ...resumed,
        frame(says(0, '', true)),
        frame(says(2, 'Goodbye.', true, { end_call: true })),
        { kind: 'closed', code: 1000 },
        over(false),
      ),
    ).toEqual([]);
  });

  it('names the call and the time, and not a word of what was said', () => {
    const { watch } = observe(watchCall({ callId: CALL_ID }), { kind: 'opened', atMs: 1 });
    const parsed = parseOutbound(JSON.stringify(says(7, 'my name is Ida', true)));
    const { breaches } = observe(watch, { kind: 'received', atMs: 9, lagMs: 0, parsed });
    expect(breaches.map(({ callId, atMs }) => ({ callId, atMs }))).toEqual(
      Array(breaches.length).fill({ callId: CALL_ID, atMs: 9 }),
    );
    expect(JSON.stringify(breaches)).not.toContain('Ida');
  });
});

describe('its rule for the greeting', () => {
  it('allows it in several pieces', () => {
    expect(broken(opened, frame(CONFIG), frame(says(0, 'Good ', false)), frame(says(0, 'morning.', true)))).toEqual([]);
  });

  it('does not allow to go on with it on the next socket', () => {
    expect(
      broken(opened, frame(CONFIG), frame(says(0, 'Good ', false)), ...resumed, frame(says(0, 'morning.', true))),
    ).toEqual(['greeting.repeated']);
  });

  it('does not allow a second one on the same socket', () => {
    expect(broken(...greeted, frame(says(0, 'Good morning.', true)))).toEqual(['greeting.repeated']);
  });

  it('allows an empty id 0 once per socket', () => {
    expect(broken(...greeted, ...resumed, frame(says(0, '', true)))).toEqual([]);
    expect(broken(...greeted, frame(says(0, '', true)))).toEqual(['content.after_completion']);
  });

  it('allows it on the second socket when the first was lost before it', () => {
    expect(broken(opened, frame(CONFIG), ...resumed, frame(says(0, 'Good morning.', true)))).toEqual([]);
  });

  it('allows it to be missing after a crash, and when the caller hung up before they spoke', () => {
    expect(
      broken(
        opened,
        frame(CONFIG),
        ...resumed,
        frame(says(0, '', true)),
        asked(1),
        frame(says(1, 'Yes.', true)),
        over(),
      ),
    ).toEqual([]);
    expect(broken(opened, frame(CONFIG), over())).toEqual([]);
  });

  it('holds it stale once an ask has come', () => {
    expect(broken(opened, frame(CONFIG), asked(1, 2_000), frame(says(0, 'Good morning.', true), 2_051))).toEqual([
      'content.stale',
    ]);
  });
});

describe('its rule for stale content', () => {
  it('allows what arrives within 50 ms of the newer ask', () => {
    expect(broken(...greeted, asked(1), asked(2, 2_000), frame(says(1, 'late', true), 2_050))).toEqual([]);
  });

  it("allows for the simulator's own lag", () => {
    expect(broken(...greeted, asked(1), asked(2, 2_000), frame(says(1, 'late', true), 2_100, 50))).toEqual([]);
    expect(broken(...greeted, asked(1), asked(2, 2_000), frame(says(1, 'late', true), 2_101, 50))).toEqual([
      'content.stale',
    ]);
  });
});

describe('its rule for closing asks', () => {
  it('does not want an ask closed that a newer one replaced', () => {
    expect(broken(...greeted, asked(1), asked(2), frame(says(2, 'Yes.', true)), over(false))).toEqual([]);
  });

  it('wants the last one closed, unless the caller hung up', () => {
    expect(broken(...greeted, asked(1), over(true))).toEqual([]);
    expect(broken(...greeted, asked(1), over(false))).toEqual(['ask.unclosed']);
  });

  it('counts from the reconnect, and reports an ask once', () => {
    const moments = [
      ...greeted,
      asked(1, 2_000),
      { ...lost, atMs: 20_000 },
      { ...opened, atMs: 25_000 },
      frame(CONFIG),
    ];
    expect(broken(...moments, { ...lost, atMs: 54_000 })).toEqual([]);
    expect(broken(...moments, { ...lost, atMs: 55_001 }, { ...over(false), atMs: 99_000 })).toEqual(['ask.unclosed']);
  });

  it('wants the begin message closed too', () => {
    expect(broken(opened, frame(CONFIG), frame(says(0, 'Good morning.', false)), over(false))).toEqual([
      'ask.unclosed',
    ]);
  });

  it('allows one empty completion to be repeated after a reconnect, where the server cannot know', () => {
    const closed = [...greeted, asked(1), frame(says(1, 'Yes.', true)), ...resumed];
    expect(broken(...closed, frame(says(1, '', true)))).toEqual([]);
    expect(broken(...closed, frame(says(1, '', true)), frame(says(1, '', true)))).toEqual(['content.after_completion']);
    expect(broken(...closed, frame(says(1, 'Yes.', true)))).toEqual(['content.after_completion']);
  });
});

describe('an ask that was lost with its socket', () => {
  const lost = [...greeted, asked(1), frame(says(1, 'Yes.', true)), asked(2, 2_000), ...resumed];

  it('is unknown to the server: the one before may be closed once more, without a word', () => {
    expect(broken(...lost, frame(says(1, '', true), 4_000))).toEqual([]);
    expect(broken(...lost, frame(says(1, 'Yes.', true), 4_000))).toEqual(['content.stale']);
    expect(broken(...lost, frame(says(1, '', true), 4_000), frame(says(1, '', true), 4_001))).toEqual([
      'content.stale',
    ]);
  });
});

describe("its rules for the agent's own interruption", () => {
  const interrupt = (interrupt_id: number, content_complete: boolean) =>
    frame({ response_type: 'agent_interrupt', interrupt_id, content: 'Wait.', content_complete });

  it('takes the ask in flight as settled', () => {
    expect(broken(...greeted, asked(1), interrupt(1, true), over(false))).toEqual([]);
    expect(broken(...greeted, asked(1), interrupt(1, true), frame(says(1, 'Yes.', true)))).toEqual([
      'content.after_completion',
    ]);
  });

  it('wants nothing for an interruption after its completion', () => {
    expect(broken(...greeted, interrupt(1, false), interrupt(1, true), interrupt(2, true))).toEqual([]);
    expect(broken(...greeted, interrupt(1, true), interrupt(1, true))).toEqual(['content.after_completion']);
  });
});

describe('its rule for closing the socket', () => {
  const ending = [...greeted, asked(1, 2_000), frame(says(1, 'Bye.', true, { end_call: true }))];

  it('allows 1000 after end_call, and nothing else', () => {
    expect(broken(...ending, { kind: 'closed', code: 1000 })).toEqual([]);
    expect(broken(...ending, { kind: 'closed', code: 1005 })).toEqual(['close.live_call']);
    expect(broken(...greeted, { kind: 'closed', code: 1000 })).toEqual(['close.live_call']);
  });

  it('does not allow it once an interruption has cancelled the end_call', () => {
    expect(broken(...ending, asked(2, 3_000), { kind: 'closed', code: 1000, atMs: 3_051 })).toEqual([
      'close.live_call',
    ]);
    expect(broken(...ending, asked(2, 3_000), { kind: 'closed', code: 1000, atMs: 3_050 })).toEqual([]);
  });
});

describe('its measure of pongs', () => {
  it('keeps the slowest', () => {
    let watch = watchCall({ callId: CALL_ID });
    const pongAt = (timestamp: number, atMs: number): Observation => ({
      kind: 'received',
      atMs,
      lagMs: 0,
      parsed: parseOutbound(JSON.stringify({ response_type: 'ping_pong', timestamp })),
    });
    const moments: readonly Observation[] = [
      { kind: 'opened', atMs: 0 },
      { kind: 'pinged', atMs: 10, timestamp: 1 },
      pongAt(1, 250),
      { kind: 'pinged', atMs: 300, timestamp: 2 },
      pongAt(2, 310),
    ];
    for (const moment of moments) watch = observe(watch, moment).watch;
    expect(watch.slowestPongMs).toBe(240);
  });
});
