import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../std/manual-clock.ts';
import { Voice } from './voice.ts';

function voiceOf(phraseWords: number) {
  const clock = new ManualClock(0);
  const said: { readonly at: number; readonly words: string }[] = [];
  const idle: number[] = [];
  const voice = new Voice({
    clock,
    wordMs: 100,
    phraseWords,
    onWords: ({ words, startedAt }) => said.push({ at: startedAt, words: words.join(' ') }),
    onIdle: () => idle.push(clock.now()),
  });
  return { clock, voice, said, idle };
}

describe('a voice', () => {
  it('speaks phrase by phrase at its pace, and says when it has finished', async () => {
    const { clock, voice, said, idle } = voiceOf(2);
    voice.feed(['a', 'b', 'c']);
    await clock.advance(199);
    expect(said).toEqual([]);
    await clock.advance(101);
    expect(said).toEqual([
      { at: 0, words: 'a b' },
      { at: 200, words: 'c' },
    ]);
    expect(idle).toEqual([300]);
    expect(voice.isSpeaking).toBe(false);
  });

  it('pauses when it runs out of words and goes on from the moment it gets more', async () => {
    const { clock, voice, said } = voiceOf(1);
    voice.feed(['a']);
    await clock.advance(500);
    voice.feed(['b']);
    await clock.advance(100);
    expect(said).toEqual([
      { at: 0, words: 'a' },
      { at: 500, words: 'b' },
    ]);
  });

  it('reports the words that had sounded when it is cut, and no more', async () => {
    const { clock, voice, said, idle } = voiceOf(5);
    voice.feed(['a', 'b', 'c', 'd', 'e']);
    await clock.advance(250);
    voice.stop();
    await clock.advance(1_000);
    expect(said).toEqual([{ at: 0, words: 'a b' }]);
    expect(idle).toEqual([]);
  });

  it('keeps to its phrases when its timer was late', async () => {
    const { clock, voice, said } = voiceOf(2);
    voice.feed(['a', 'b', 'c', 'd']);
    await clock.advance(0);
    voice.feed(['e']);
    await clock.advance(10_000);
    expect(said.map(({ words }) => words)).toEqual(['a b', 'c d', 'e']);
  });
});
