import { seededRandom } from '../src/std/random.ts';
import { ANSWER, GREETING } from './answer.ts';
import { printMasked } from './wire.ts';

/** One turn as the wire sees it: what is heard while both speak, then the ask. */
export interface TurnFrames {
  /** Six `update_only`, each with the whole transcript so far. */
  readonly updates: readonly Buffer[];
  readonly ask: Buffer;
  readonly responseId: number;
  /** When its frames are due, in milliseconds from the beginning of the call: of speech alone. */
  readonly due?: { readonly updates: readonly number[]; readonly ask: number };
  /** The caller speaks on before an answer: this ask is not measured. */
  readonly isReasked?: boolean;
}

export interface ScriptOptions {
  readonly seed: number;
  /** Frames are printed for turns `from` to `to`, not included; those before are in the transcript only. */
  readonly from: number;
  readonly to: number;
  /** Adds the woven transcript with a tool call and its result at every turn. */
  readonly hasTools?: boolean;
}

/** Agent: half of what it says, then all of it. User: four partial transcripts, the last of them the whole. */
const AGENT_PARTS = [0.5, 1];
const USER_PARTS = [0.25, 0.5, 0.75, 1];

const WORDS =
  'a the for two four at eight tonight tomorrow please could we have table near window outside with high chair and ' +
  'birthday parking vegetarian menu dog allowed late earlier instead thanks number name spelled under booking';
const VOCABULARY = WORDS.split(' ');

/** 150 words a minute, with pauses: about a kilobyte a turn, as live frames have (9 KiB a minute). */
const WORD_SECONDS = 0.4;

/** Prints every frame of a call in advance, masked: transcripts grow, and each word carries its time. */
export function printScript({ seed, from, to, hasTools = false }: ScriptOptions): readonly TurnFrames[] {
  const random = seededRandom(seed);
  const keyOf = () => 1 + Math.floor(random() * 0xffff_fffe);
  const spoken: string[] = [];
  const woven: string[] = [];
  const turns: TurnFrames[] = [];
  let seconds = 0.5;
  const say = (role: string, words: readonly string[]) => {
    const item = utterance(role, words, seconds);
    seconds += (words.length + 1) * WORD_SECONDS;
    spoken.push(item);
    woven.push(item);
  };
  const frame = (head: string, last?: string) => {
    const list = (items: readonly string[]) => `[${(last ? [...items, last] : items).join(',')}]`;
    const tools = hasTools ? `,"transcript_with_tool_calls":${list(woven)}` : '';
    return printMasked(`{${head},"transcript":${list(spoken)}${tools}}`, keyOf());
  };

  for (let turn = 0; turn < to; turn++) {
    const agentWords = (turn === 0 ? GREETING : ANSWER).split(' ');
    const userWords = Array.from({ length: 3 + Math.floor(random() * 5) }, () => pick(random));
    const isPrinted = turn >= from;
    const updates: Buffer[] = [];
    for (const part of isPrinted ? AGENT_PARTS : []) {
      const isFirst = part === AGENT_PARTS[0];
      const head = `"interaction_type":"update_only"${isFirst ? ',"turntaking":"agent_turn"' : ''}`;
      updates.push(frame(head, utterance('agent', partOf(agentWords, part), seconds)));
    }
    say('agent', agentWords);
    for (const part of isPrinted ? USER_PARTS : []) {
      const isFirst = part === USER_PARTS[0];
      const head = `"interaction_type":"update_only"${isFirst ? ',"turntaking":"user_turn"' : ''}`;
      updates.push(frame(head, utterance('user', partOf(userWords, part), seconds)));
    }
    say('user', userWords);
    const responseId = turn + 1;
    const ask = `"interaction_type":"response_required","response_id":${responseId}`;
    if (isPrinted) turns.push({ updates, ask: frame(ask), responseId });
    if (hasTools) woven.push(...toolItems(turn));
  }
  return turns;
}

/** One item of a transcript, each word with its time. */
export function utterance(role: string, words: readonly string[], startSeconds: number): string {
  const timed = words.map((word, index) => {
    const start = startSeconds + index * WORD_SECONDS;
    return { word, start: rounded(start), end: rounded(start + WORD_SECONDS * 0.9) };
  });
  return JSON.stringify({ role, content: words.join(' '), words: timed });
}

function toolItems(turn: number): readonly string[] {
  const id = `tool_${turn}`;
  const booking = { people: 2, date: '2026-11-21', time: '20:00' };
  const use = {
    role: 'tool_call_invocation',
    tool_call_id: id,
    name: 'check_table',
    arguments: JSON.stringify(booking),
  };
  const tables = ['window', 'garden', 'bar'].map((room) => ({ room, free: ['19:00', '19:30', '20:00', '21:30'] }));
  const result = { role: 'tool_call_result', tool_call_id: id, content: JSON.stringify({ tables }), successful: true };
  return [JSON.stringify(use), JSON.stringify(result)];
}

function partOf(words: readonly string[], part: number): readonly string[] {
  return words.slice(0, Math.max(1, Math.round(words.length * part)));
}

/** A word a caller might say. */
export function pick(random: () => number): string {
  return VOCABULARY[Math.floor(random() * VOCABULARY.length)] ?? 'yes';
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1_000) / 1_000;
}
