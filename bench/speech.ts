import { seededRandom } from '../src/std/random.ts';
import { ANSWER, GREETING } from './answer.ts';
import type { SpeechOrder } from './load-order.ts';
import type { Moment } from './moments.ts';
import { pick, type TurnFrames, utterance } from './script.ts';
import { printMasked } from './wire.ts';

/**
 * A caller as Retell hears them: a partial transcript after every word, with the recogniser's mistakes, and the ask some
 * time after the last. What is drafted before the ask stands or falls with these figures, so they are all here.
 */
const HEARD = {
  /** From one word to the next. */
  wordMs: { least: 250, most: 450 },
  words: { least: 3, most: 7 },
  /** The recogniser sees a sentence end in mid-speech: after any word, and after one that is followed by a pause. */
  falseEnd: 0.03,
  falseEndAtPause: 0.3,
  /** The caller stops to think after a word. */
  pause: 0.03,
  pauseMs: { least: 500, most: 1_200 },
  /** The last partial transcript has its full stop or question mark by then; the ask always has. */
  trueEnd: 0.9,
  /** A caller who had not finished goes on so long after the ask that came too early. */
  goesOnMs: { least: 200, most: 1_000 },
  moreWords: { least: 2, most: 4 },
};
/** After an ask: until the agent is heard, for its two updates, and until the caller speaks again. */
const AGENT_HEARD_MS = [1_500, 2_200];
const CALLER_SPEAKS_MS = 2_800;
/** Calls begin within a period about as long as a turn, so that the load is even. */
const SPREAD_MS = 5_000;

export interface SpeechOptions {
  readonly seed: number;
  readonly turns: number;
  readonly speech: SpeechOrder;
}

/** Prints every frame of a call, with the moment at which each is due. */
export function printSpeech({ seed, turns, speech }: SpeechOptions): readonly TurnFrames[] {
  const random = seededRandom(seed);
  const keyOf = () => 1 + Math.floor(random() * 0xffff_fffe);
  const between = ({ least, most }: { readonly least: number; readonly most: number }) =>
    least + random() * (most - least);
  const wordsOf = (range: typeof HEARD.words) => Array.from({ length: Math.round(between(range)) }, () => pick(random));
  const spoken: string[] = [];
  const frames: TurnFrames[] = [];
  let atMs = 0;
  let updates: { readonly frame: Buffer; readonly atMs: number }[] = [];

  const frame = (head: string, last: string) =>
    printMasked(`{${head},"transcript":[${[...spoken, last].join(',')}]}`, keyOf());
  const update = (role: string, words: readonly string[], dueMs: number) => {
    updates.push({
      frame: frame('"interaction_type":"update_only"', utterance(role, words, dueMs / 1_000)),
      atMs: dueMs,
    });
  };
  const ask = (words: readonly string[], isReasked: boolean) => {
    atMs += speech.gapMs;
    const responseId = frames.length + 1;
    const head = `"interaction_type":"response_required","response_id":${responseId}`;
    frames.push({
      updates: updates.map((one) => one.frame),
      ask: frame(head, utterance('user', withMark(words, '?'), atMs / 1_000)),
      responseId,
      isReasked,
      due: { updates: updates.map((one) => one.atMs), ask: atMs },
    });
    updates = [];
  };
  /** Tells `words` one by one, after those told already. */
  const tell = (told: readonly string[], words: readonly string[]) => {
    for (const [index, word] of words.entries()) {
      atMs += between(HEARD.wordMs);
      const heard = [...told, ...words.slice(0, index), word];
      const isLast = index === words.length - 1;
      const pauses = !isLast && random() < HEARD.pause;
      const endRatio = isLast ? HEARD.trueEnd : pauses ? HEARD.falseEndAtPause : HEARD.falseEnd;
      const isRevised = isLast && random() < speech.revisions;
      const partial = isRevised ? [...heard.slice(0, -1), otherThan(word, random)] : heard;
      update('user', random() < endRatio ? withMark(partial, isLast ? '?' : '.') : partial, atMs);
      if (pauses) atMs += between(HEARD.pauseMs);
    }
  };

  for (let turn = 0; turn < turns; turn++) {
    const agentWords = (turn === 0 ? GREETING : ANSWER).split(' ');
    const [halfMs = 0, wholeMs = 0] = AGENT_HEARD_MS;
    update('agent', agentWords.slice(0, Math.ceil(agentWords.length / 2)), atMs + halfMs);
    update('agent', agentWords, atMs + wholeMs);
    spoken.push(utterance('agent', agentWords, atMs / 1_000));
    atMs += CALLER_SPEAKS_MS;
    let words = wordsOf(HEARD.words);
    tell([], words);
    if (random() < speech.reasks) {
      ask(words, true);
      atMs += between(HEARD.goesOnMs);
      const more = wordsOf(HEARD.moreWords);
      tell(words, more);
      words = [...words, ...more];
    }
    ask(words, false);
    spoken.push(utterance('user', withMark(words, '?'), atMs / 1_000));
  }
  return frames;
}

/** Every frame of these calls, in the order of their times. */
export function spokenMoments(calls: readonly (readonly TurnFrames[])[]): readonly Moment[] {
  const moments = calls.flatMap((frames, index) => {
    // Neighbours in time do not tell the same story.
    const offsetMs = (((index * 7_919) % calls.length) / calls.length) * SPREAD_MS;
    return frames.flatMap(({ due }, turn) => {
      if (!due) return [];
      const told = due.updates.map((atMs, update): Moment => ({ atMs: atMs + offsetMs, index, turn, update }));
      return [...told, { atMs: due.ask + offsetMs, index, turn, update: undefined }];
    });
  });
  // Of equal times the order stays: an ask without a gap follows its last word.
  return moments.sort((a, b) => a.atMs - b.atMs);
}

/** What the load is made of, for the page of results. */
export function describeSpeech({ revisions, reasks }: SpeechOrder): string {
  const percent = (ratio: number) => `${Math.round(ratio * 100)} %`;
  return [
    `A partial transcript after every word (${HEARD.wordMs.least} to ${HEARD.wordMs.most} ms). ${percent(HEARD.falseEnd)} of those in mid-speech look like`,
    `a sentence's end, after ${percent(HEARD.pause)} of words the caller stops to think (${HEARD.pauseMs.least} to ${HEARD.pauseMs.most} ms; ${percent(HEARD.falseEndAtPause)} of these look like an end);`,
    `${percent(HEARD.trueEnd)} of the last ones have their mark, ${percent(revisions)} of asks differ from the last one in a word, and ${percent(reasks)} of turns are asked`,
    'for too early: the caller goes on, and what came in between is not measured.',
  ].join('\n');
}

function withMark(words: readonly string[], mark: string): readonly string[] {
  return [...words.slice(0, -1), `${words.at(-1) ?? ''}${mark}`];
}

function otherThan(word: string, random: () => number): string {
  for (;;) {
    const other = pick(random);
    if (other !== word) return other;
  }
}
