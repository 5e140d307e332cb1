import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BothWays } from './both-ways.fixture.ts';

/** Which of a frame's two lists has an item. */
type Where = 'both' | 'spoken' | 'woven';

/** What becomes of the lists from one frame to the next. Numbers choose among what is there. */
type Change =
  | { readonly kind: 'say'; readonly role: string; readonly text: string; readonly where: Where }
  | { readonly kind: 'grow'; readonly text: string }
  | { readonly kind: 'revise'; readonly at: number; readonly text: string }
  | { readonly kind: 'shorten' | 'remove' | 'swap'; readonly at: number }
  | { readonly kind: 'junk'; readonly at: number; readonly junk: unknown; readonly where: Where }
  | { readonly kind: 'weave'; readonly item: object }
  | { readonly kind: 'clear' };

/** What is odd about one frame's text. */
type Quirk =
  | {
      readonly kind: 'add';
      readonly member: readonly [string, string];
      readonly isEscaped: boolean;
      readonly at: number;
    }
  | { readonly kind: 'rotate' | 'drop'; readonly at: number }
  | { readonly kind: 'cut'; readonly ratio: number }
  | { readonly kind: 'splice'; readonly at: number; readonly removed: number; readonly byte: number | undefined };

interface Step {
  readonly type: string;
  readonly changes: readonly Change[];
  readonly hasWords: boolean;
  readonly weaving: 'asCall' | 'not' | 'behind' | 'before';
  readonly escapes: 'none' | 'beyondAscii' | 'all';
  readonly space: string;
  readonly quirks: readonly Quirk[];
  readonly isView: boolean;
  readonly after: 'nothing' | 'read' | 'release';
}

const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(model, { noNullPrototype: true });
const usually = <T>(value: T, weight: number, other: fc.Arbitrary<T>) =>
  fc.oneof({ weight, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: other });

const at = fc.nat(6);
const role = fc.constantFrom('user', 'agent', 'transfer_target', 'stranger');
const text = fc.oneof(
  fc.constantFrom('hi', '', 'a "quoted" word', '}],"transcript":[', '\\', 'é', '😀', '\u2028\0', '"interaction_type"'),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const where = usually<Where>('both', 25, fc.constantFrom('spoken', 'woven'));
/** What only the woven list has: tools most often, keys less so, and what may be there some day. */
const woven = fc.oneof(
  record({ role: fc.constant('tool_call_invocation'), name: text, arguments: fc.json() }),
  record({ role: fc.constant('tool_call_result'), content: text, successful: fc.boolean() }),
  record({ role: fc.constant('dtmf'), digit: fc.constantFrom<unknown>('1', '#', 5, null) }),
  record({ role: fc.constantFrom<unknown>('injected', 'node_transition', 7, ['dtmf']), content: text }),
  fc.constantFrom({ content: 'said by nobody' }, { role: 'agent', content: 5 }, {}),
);
const junk = fc.constantFrom<unknown>(null, 5, 'x', [], [[{}]], {}, { role: 'user' }, { role: 1, content: 'no' });
const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 20, arbitrary: record({ kind: fc.constant('say'), role, text, where }) },
  { weight: 12, arbitrary: record({ kind: fc.constant('grow'), text }) },
  { weight: 8, arbitrary: record({ kind: fc.constant('weave'), item: woven }) },
  { weight: 3, arbitrary: record({ kind: fc.constant('revise'), at, text }) },
  { weight: 2, arbitrary: record({ kind: fc.constantFrom('shorten', 'remove', 'swap'), at }) },
  {
    weight: 1,
    arbitrary: fc.oneof(
      record({ kind: fc.constant('junk'), at, junk, where }),
      fc.constant({ kind: 'clear' } as const),
    ),
  },
);
const types = fc.constantFrom('"response_required"', '"update_only"', '"ping_pong"', '"call_details"', '"mood"', '5');
const lists = fc.constantFrom(
  '[]',
  '[null]',
  '[{"role":"user","content":"other"}]',
  '[{"role":"dtmf","digit":"1"}]',
  '{"transcript":[],"interaction_type":"x"}',
  'null',
);
const odds = fc.constantFrom('5', 'truth', '"interaction_type"', '"\\u0041\\""', '{}', '[[],{}]', '"transcript"');
const member = fc.oneof(
  fc.tuple(fc.constant('interaction_type'), types),
  fc.tuple(fc.constantFrom('transcript', 'transcript_with_tool_calls'), lists),
  fc.tuple(fc.constantFrom('response_id', 'timestamp'), fc.constantFrom('7', '7.5', '"7"')),
  fc.tuple(fc.constantFrom('turntaking', '__proto__', 'call', ''), fc.oneof(lists, odds)),
);
const TELLING = [...'{}[]",:\\u0n '].map((sign) => sign.charCodeAt(0));
/** Behind all others by preference: the last of two alike counts. */
const add = record({
  kind: fc.constant('add'),
  member,
  isEscaped: fc.boolean(),
  at: fc.constantFrom(0, 1, 2, 3, 9, 9, 9),
});
const quirk: fc.Arbitrary<Quirk> = fc.oneof(
  { weight: 4, arbitrary: add },
  { weight: 1, arbitrary: record({ kind: fc.constantFrom('rotate', 'drop'), at }) },
  { weight: 1, arbitrary: record({ kind: fc.constant('cut'), ratio: fc.double({ min: 0, max: 1, noNaN: true }) }) },
  {
    weight: 4,
    arbitrary: record({
      kind: fc.constant('splice'),
      at: fc.oneof(fc.nat(600), fc.nat(3_000)),
      removed: fc.constantFrom(0, 1),
      byte: fc.option(fc.constantFrom(...TELLING, 0x0a, 0x80, 0xc3, 0xff), { nil: undefined }),
    }),
  },
);
const step: fc.Arbitrary<Step> = record({
  type: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('update_only', 'response_required', 'reminder_required') },
    { weight: 1, arbitrary: fc.constantFrom('ping_pong', 'call_details', 'mood') },
  ),
  changes: fc.array(change, { maxLength: 3 }),
  hasWords: usually(true, 40, fc.constant(false)),
  weaving: usually<Step['weaving']>('asCall', 25, fc.constantFrom('not', 'behind', 'before')),
  escapes: usually<Step['escapes']>('none', 25, fc.constantFrom('beyondAscii', 'all')),
  space: usually('', 25, fc.constantFrom(' ', '\n\t', '\u00a0')),
  quirks: usually<readonly Quirk[]>([], 2, fc.array(quirk, { minLength: 1, maxLength: 2 })),
  isView: fc.boolean(),
  after: usually<Step['after']>('nothing', 3, fc.constantFrom('read', 'read', 'read', 'release')),
});

/** What Retell has of a call, and how it prints that; the odd ones are ours. */
class Peer {
  readonly #isWoven: boolean;
  #items: { readonly value: unknown; readonly where: Where }[] = [
    { value: { role: 'agent', content: 'Good morning.' }, where: 'both' },
    { value: { role: 'user', content: 'Hello?' }, where: 'both' },
  ];
  #id = 0;

  constructor(isWoven: boolean) {
    this.#isWoven = isWoven;
  }

  frame({ type, changes, hasWords, weaving, escapes, space, quirks, isView }: Step): Buffer {
    for (const each of changes) this.#change(each);
    const items = hasWords ? this.#items.map(withWords) : this.#items;
    const list = (without: Where) =>
      `[${items
        .filter(({ where }) => where !== without)
        .map(({ value }) => escaped(JSON.stringify(value), escapes))
        .join(`,${space}`)}]`;
    let members: [string, string][] = [['"interaction_type"', JSON.stringify(type)]];
    if (type.endsWith('required')) members.push(['"response_id"', String(++this.#id)]);
    if (type === 'ping_pong') members.push(['"timestamp"', '1795166968493']);
    if (type === 'call_details') members.push(['"call"', '{"agent_id":"agent_9","x":{"y":[]}}']);
    else if (type !== 'ping_pong') members.push(['"transcript"', list('woven')]);
    const isWoven = weaving === 'asCall' ? this.#isWoven : weaving !== 'not';
    if (isWoven) members.splice(weaving === 'before' ? 1 : 9, 0, ['"transcript_with_tool_calls"', list('spoken')]);
    for (const odd of quirks) members = disturb(members, odd);
    let bytes = Buffer.from(`{${space}${members.map(([k, v]) => `${k}:${space}${v}`).join(`${space},`)}}`);
    for (const odd of quirks) bytes = damage(bytes, odd);
    // As from a socket: now a buffer of its own, now a view into what came at once.
    return isView
      ? Buffer.concat([Buffer.from('\x81~{'), bytes, Buffer.alloc(99)]).subarray(3, 3 + bytes.length)
      : bytes;
  }

  #change(change: Change): void {
    const items = this.#items;
    switch (change.kind) {
      case 'say':
        items.push({ value: { role: change.role, content: change.text }, where: change.where });
        break;
      case 'grow':
        if (items.length > 0) items.push({ value: said(items.pop()?.value, change.text), where: 'both' });
        break;
      case 'revise':
        if (items.length > 0) {
          items.splice(change.at % items.length, 1, { value: { role: 'user', content: change.text }, where: 'both' });
        }
        break;
      case 'weave':
        items.push({ value: change.item, where: 'woven' });
        break;
      case 'shorten':
        items.splice(Math.max(0, items.length - change.at));
        break;
      case 'remove':
        items.splice(change.at, 1);
        break;
      case 'swap':
        items.push(...items.splice(change.at, 1));
        break;
      case 'junk':
        items.splice(change.at, 0, { value: change.junk, where: change.where });
        break;
      case 'clear':
        this.#items = [];
        break;
      default:
        change satisfies never;
    }
  }
}

function said(item: unknown, more: string): unknown {
  const content = typeof item === 'object' && item !== null && 'content' in item ? item.content : '';
  return { role: 'user', content: `${content} ${more}` };
}

function withWords({ value, where }: { readonly value: unknown; readonly where: Where }, index: number) {
  if (typeof value !== 'object' || value === null || !('content' in value)) return { value, where };
  const words = String(value.content)
    .split(' ')
    .map((word) => ({ word, start: index, end: index + 0.31 }));
  return { value: { ...value, words }, where };
}

function escaped(json: string, how: Step['escapes']): string {
  if (how === 'none') return json;
  const pattern = how === 'all' ? /[^\x20-\x7e]|(?<=[a-z])[a-z](?=[a-z])/g : /[^\x20-\x7e]/g;
  return json.replace(pattern, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function disturb(members: readonly [string, string][], quirk: Quirk): [string, string][] {
  const next = [...members];
  const index = 'at' in quirk ? quirk.at % Math.max(1, next.length) : 0;
  if (quirk.kind === 'add') {
    const [key, value] = quirk.member;
    next.splice(quirk.at, 0, [escaped(JSON.stringify(key), quirk.isEscaped ? 'all' : 'none'), value]);
  }
  if (quirk.kind === 'rotate') next.push(...next.splice(0, index));
  if (quirk.kind === 'drop') next.splice(index, 1);
  return next;
}

function damage(bytes: Buffer, quirk: Quirk): Buffer<ArrayBuffer> {
  if (quirk.kind === 'cut') return Buffer.from(bytes.subarray(0, Math.floor(quirk.ratio * bytes.length)));
  if (quirk.kind !== 'splice') return Buffer.from(bytes);
  // From the end: that is where frames differ.
  const place = Math.max(0, bytes.length - quirk.at);
  const added = quirk.byte === undefined ? [] : [quirk.byte];
  return Buffer.concat([bytes.subarray(0, place), Buffer.from(added), bytes.subarray(place + quirk.removed)]);
}

describe('the frames of a call, decoded by what changed', () => {
  it.each([
    ['plain', false],
    ['woven', true],
  ])(
    'say what they say when all of each is parsed: revised, shortened, reordered, escaped, doubled or broken: %s',
    (_how, isWoven) => {
      let asks = 0;
      let reused = 0;
      void fc.assert(
        fc.property(fc.array(step, { minLength: 4, maxLength: 24, size: 'max' }), (steps) => {
          const peer = new Peer(isWoven);
          const both = new BothWays();
          const seen = new Set<unknown>();
          for (const each of steps) {
            const decoded = both.decode(peer.frame(each));
            if (decoded.kind === 'ask' && decoded.transcript && decoded.transcript.length > 1) {
              asks++;
              if (decoded.transcript.some((utterance) => seen.has(utterance))) reused++;
              for (const utterance of decoded.transcript) seen.add(utterance);
            }
            if (each.after === 'read') both.readUpdate();
            if (each.after === 'release') both.decoder.release();
          }
          both.readUpdate();
        }),
        { numRuns: 1_000 }, // a failure prints its seed
      );
      // Or all of this would be about frames that are parsed in full anyway.
      expect(reused / asks).toBeGreaterThan(0.3);
    },
    30_000,
  );

  it.each([
    ['response_required', []],
    ['update_only', []],
    ['response_required', [{ role: 'dtmf', digit: '1' }]],
  ])('are told apart by every byte of the second: %s %j', (type, keys) => {
    const first = { role: 'agent', content: 'Hi é', words: [{ word: 'Hi', end: 0.3 }] };
    const second = { role: 'user', content: '"a}"' };
    const print = (kind: string, ...transcript: readonly unknown[]) => {
      const woven = keys.length > 0 && { transcript_with_tool_calls: [first, ...keys, ...transcript.slice(1)] };
      const frame = { interaction_type: kind, response_id: 7, transcript, turntaking: 'user_turn', ...woven };
      return Buffer.from(JSON.stringify(frame));
    };
    const before = print('response_required', first, second);
    const next = print(type, first, second, { role: 'user', content: 'x' });
    const after = print('reminder_required', first, second, second);
    for (let place = 0; place <= next.length; place++) {
      for (const byte of [undefined, ...TELLING, 0x80]) {
        for (const removed of [0, 1]) {
          const both = new BothWays();
          both.decode(before);
          const added = byte === undefined ? [] : [byte];
          both.decode(Buffer.concat([next.subarray(0, place), Buffer.from(added), next.subarray(place + removed)]));
          both.readUpdate();
          both.decode(after);
        }
      }
    }
  });
});
