import { describe, expect, it } from 'vitest';
import {
  changedUtterances,
  heardSince,
  lastAgentWords,
  lastUserWords,
  normaliseWords,
  type Transcript,
} from './transcript.ts';

const agent = (content: string) => ({ role: 'agent', content }) as const;
const user = (content: string) => ({ role: 'user', content }) as const;
const target = (content: string) => ({ role: 'transfer_target', content }) as const;

describe('a transcript', () => {
  const transcript: Transcript = [agent('Hello.'), user('I want'), target('Who is it?'), user(' a table. ')];

  it('tells what the user said since the agent spoke', () => {
    expect(lastUserWords(transcript)).toBe('I want  a table.');
    expect(lastUserWords([...transcript, agent('Yes?')])).toBe('');
    expect(lastUserWords([])).toBe('');
  });

  it('tells what the agent was last heard to say, and all it said since', () => {
    expect(lastAgentWords(transcript)).toBe('Hello.');
    expect(lastAgentWords([])).toBe('');
    expect(heardSince([...transcript, agent('Yes.'), user('so'), agent('Done.')], 1)).toBe('Yes. Done.');
  });

  it('shows what is new or was revised, at its place', () => {
    const after = [agent('Hello there.'), user('I want'), target('Who is it?'), user(' a table. '), agent('Yes.')];
    expect(changedUtterances(transcript, after)).toEqual([
      { index: 0, role: 'agent', content: 'Hello there.' },
      { index: 4, role: 'agent', content: 'Yes.' },
    ]);
    expect(changedUtterances(after, transcript)).toEqual([{ index: 0, role: 'agent', content: 'Hello.' }]);
  });
});

describe('words alone', () => {
  it.each([
    ["It's 8 p.m., isn't it?", 'it s 8 p m isn t it'],
    ['  Ünter—den   Linden! 🎉 ☕️ ', 'ünter den linden'],
    ['?!', ''],
  ])('%j', (text, words) => {
    expect(normaliseWords(text)).toBe(words);
  });

  it('are the same however their letters are composed', () => {
    expect(normaliseWords('cafe\u0301')).toBe(normaliseWords('caf\u00e9'));
  });

  it('differ where only a vowel sign does', () => {
    expect(normaliseWords('की')).not.toBe(normaliseWords('का'));
  });
});
