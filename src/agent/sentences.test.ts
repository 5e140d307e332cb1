import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sentenceCutter } from './sentences.ts';

/** The sentences of a text that came in these pieces. */
function cut(...pieces: readonly string[]): readonly string[] {
  const cutter = sentenceCutter();
  return [...pieces.flatMap((piece) => cutter.push(piece)), ...cutter.flush()];
}

describe('a sentence leaves as soon as it is whole', () => {
  it('with the space behind its mark, not before', () => {
    const cutter = sentenceCutter();
    expect(cutter.push('We open')).toEqual([]);
    expect(cutter.push(' at nine.')).toEqual([]);
    expect(cutter.push(' ')).toEqual(['We open at nine.']);
    expect(cutter.push('Any')).toEqual([]);
    expect(cutter.flush()).toEqual(['Any']);
    expect(cutter.flush()).toEqual([]);
  });

  it.each([
    ['One. Two! Three? Four', ['One.', 'Two!', 'Three?', 'Four']],
    ['one. two. three.', ['one.', 'two.', 'three.']],
    ['What?! No...  Well… yes', ['What?!', 'No...', 'Well…', 'yes']],
    ['He said "go." Then (quietly) "stay!" And left.', ['He said "go."', 'Then (quietly) "stay!"', 'And left.']],
    ['Er sagte „ja.” Dann «nein.» Gut.', ['Er sagte „ja.”', 'Dann «nein.»', 'Gut.']],
    ['First line\nsecond line\n\n\nthird', ['First line', 'second line', 'third']],
    ['  \n Hello.  \r\n ', ['Hello.']],
    ['هل أنت هنا؟ نعم.', ['هل أنت هنا؟', 'نعم.']],
    ['क्या हाल है। ठीक है।', ['क्या हाल है।', 'ठीक है।']],
  ])('%j', (text, sentences) => {
    expect(cut(text)).toEqual(sentences);
  });

  it.each([
    ['你好！！我们九点开门。再见', ['你好！！', '我们九点开门。', '再见']],
    ['「はい。」と言った。元気？', ['「はい。」', 'と言った。', '元気？']],
  ])('where marks need no space: %j', (text, sentences) => {
    expect(cut(text)).toEqual(sentences);
    expect(cut(...text)).toEqual(sentences);
  });
});

describe('a full stop is no end', () => {
  it.each([
    ['It costs 3.5 or $4.50 at example.com today. Good.', ['It costs 3.5 or $4.50 at example.com today.', 'Good.']],
    ['Dr. Smith and Mrs. Jones vs. Mr. Brown. Next.', ['Dr. Smith and Mrs. Jones vs. Mr. Brown.', 'Next.']],
    ['A table at 8 p.m. tomorrow is free. Shall I?', ['A table at 8 p.m. tomorrow is free.', 'Shall I?']],
    ['Fish, meat, etc. are on it. Yes.', ['Fish, meat, etc. are on it.', 'Yes.']],
    [
      'Come to 5 Main St. at six, e.g. (approx. six). Fine.',
      ['Come to 5 Main St. at six, e.g. (approx. six).', 'Fine.'],
    ],
    ['J. K. Rowling wrote it. True.', ['J. K. Rowling wrote it.', 'True.']],
    ['Room No. 5 is yours. Enjoy.', ['Room No. 5 is yours.', 'Enjoy.']],
    ['1. Pasta.\n2. Pizza.', ['1. Pasta.', '2. Pizza.']],
  ])('in %j', (text, sentences) => {
    expect(cut(text)).toEqual(sentences);
    expect(cut(...text)).toEqual(sentences);
  });

  it.each([
    ['No. We are closed.', ['No.', 'We are closed.']],
    ['no. we are closed.', ['no.', 'we are closed.']],
    ['So do I. Would you like it?', ['So do I.', 'Would you like it?']],
    ['We close at 8 p.m. Would you like a table?', ['We close at 8 p.m.', 'Would you like a table?']],
    ['It is on Main St.\nwe are open.', ['It is on Main St.', 'we are open.']],
  ])('but it is in %j', (text, sentences) => {
    expect(cut(text)).toEqual(sentences);
    expect(cut(...text)).toEqual(sentences);
  });

  it('and says so at once where the next letter is not needed', () => {
    const cutter = sentenceCutter();
    expect(cutter.push('We close at 8 p.m. ')).toEqual([]);
    expect(cutter.push('W')).toEqual(['We close at 8 p.m.']);
  });
});

describe('a voice says words', () => {
  it.each([
    ['**We open at nine.** _We close at five._ `Bye.`', ['We open at nine.', 'We close at five.', 'Bye.']],
    [
      '# Hours\n- Monday: nine\n* Tuesday: ten\n• Sunday: ~~closed~~',
      ['Hours', 'Monday: nine', 'Tuesday: ten', 'Sunday: closed'],
    ],
    ['Great! 🎉 Booked 👍🏽. Ciao 🇮🇹 👨‍👩‍👧 5️⃣', ['Great!', 'Booked .', 'Ciao 5']],
    ['Great!🎉 Next.', ['Great!', 'Next.']],
    ['🎉🎉', []],
    ['**', []],
    ['... !! ?', []],
  ])('without Markdown and pictures: %j', (text, sentences) => {
    expect(cut(text)).toEqual(sentences);
  });

  it.each([
    'Write to anna_maria@example.com or call.',
    'Press * or # when you are done.',
    'Five * three is 15.',
    'Room #5 is free.',
    'It is -5 outside.',
  ])('and keeps what is part of them: %j', (text) => {
    expect(cut(text)).toEqual([text]);
  });
});

describe('a long sentence', () => {
  const words = (count: number, word = 'word') => Array.from({ length: count }, () => word).join(' ');

  it('is cut at the last clause that is not too long', () => {
    const text = `${words(10)}, ${words(10)}, ${words(30)}.`;
    expect(cut(text)).toEqual([`${words(10)}, ${words(10)},`, `${words(30)}.`]);
  });

  it('is not cut at a clause that begins it', () => {
    expect(cut(`Well, ${words(32)}.`)).toEqual([`Well, ${words(32)}.`]);
  });

  it('leaves at its first clause where that comes late', () => {
    expect(cut(`${words(40)}, ${words(10)}.`)).toEqual([`${words(40)},`, `${words(10)}.`]);
  });

  it('is cut between two words where it has no clause at all', () => {
    const sentences = cut(words(200));
    expect(sentences.every((sentence) => sentence.length <= 320)).toBe(true);
    expect(sentences.join(' ')).toBe(words(200));
  });

  it('is cut in mid-word, and never in mid-character, where it has no space', () => {
    const text = `a${'𝒳'.repeat(500)}`;
    expect(cut(text).join('')).toBe(text);
    expect(cut(text).every((sentence) => sentence.isWellFormed() && sentence.length <= 320)).toBe(true);
  });

  it('costs no more than its length, however strange the text', () => {
    const startedAt = process.hrtime.bigint();
    for (const text of ['a', '.', '*', ' ', '\n', 'p.m. ', '"', '，', '🎉']) {
      const cutter = sentenceCutter();
      for (let i = 0; i < 500; i++) cutter.push(text.repeat(20));
      cut(text.repeat(10_000));
    }
    expect(Number(process.hrtime.bigint() - startedAt) / 1e6).toBeLessThan(3_000);
  });
});

describe('however a text is split', () => {
  const piece = fc.oneof(
    fc.constantFrom('We open', 'at', '8 p.m.', 'Dr.', 'no.', 'No.', '5', '3.5', 'etc.', 'e.g.', 'I.', 'word'),
    fc.constantFrom('.', '!', '?', '...', '…', '?!', ',', ';', ':', '—', '"', ')', '。', '！」', '，', '\n', '\n\n'),
    fc.constantFrom('**', '*', '_', '`', '# ', '- ', '🎉', '👍🏽', '你好', 'é', 'Ünter'),
    fc.integer({ min: 1, max: 170 }).map((length) => 'x'.repeat(length)),
    fc.constantFrom(' word '.repeat(50), ` ${'x'.repeat(400)} `, ' clause, '.repeat(30)),
  );
  const text = fc
    .array(fc.tuple(piece, fc.constantFrom('', ' ', ' ', '  ')), { maxLength: 30 })
    .map((parts) => parts.map((part) => part.join('')).join(''));
  const wordsOf = (some: string) => some.match(/[\p{L}\p{N}]/gu)?.join('') ?? '';

  it('its sentences are the same', () => {
    fc.assert(
      fc.property(text, fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (whole, sizes) => {
        const pieces: string[] = [];
        for (let from = 0, n = 0; from < whole.length; n++) {
          const size = sizes[n % sizes.length] ?? 1;
          pieces.push(whole.slice(from, from + size));
          from += size;
        }
        expect(cut(...pieces)).toEqual(cut(whole));
        expect(cut(...whole.split(''))).toEqual(cut(whole));
      }),
      { numRuns: 300 },
    );
  });

  it('no word of it is lost, repeated or out of its place, and each sentence has one', () => {
    fc.assert(
      fc.property(text, (whole) => {
        const sentences = cut(whole);
        expect(wordsOf(sentences.join(' '))).toBe(wordsOf(whole));
        for (const sentence of sentences) expect(sentence).toMatch(/[\p{L}\p{N}]/u);
      }),
      { numRuns: 300 },
    );
  });
});
