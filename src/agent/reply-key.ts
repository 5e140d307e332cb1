import { createHash } from 'node:crypto';
import type { DraftOrder } from '../call/effects.ts';
import { lastAgentWords, lastUserWords, normaliseWords, type Transcript } from '../call/transcript.ts';
import type { Agent } from './agent.ts';

const DEFAULT_TTL_MS = 3_600_000;

export interface RepeatableReply {
  readonly key: string;
  readonly ttlMs: number;
  /** What the reply is to be made from: nothing that the key does not hold, or one caller would hear of another. */
  readonly transcript: Transcript;
}

/**
 * Under what a reply may be repeated to another caller, or undefined when the agent did not declare it repeatable.
 * Agent version, dialogue step and normalised words: a hash of the transcript would answer one caller with
 * another's words. A turn that has used tools, or continues a cut answer, is never a repetition.
 */
export function replyKey(agent: Agent, order: DraftOrder): RepeatableReply | undefined {
  if (agent.cacheable.length === 0) return undefined;
  const { transcript, variables, said, settledTools } = order;
  const words = lastUserWords(transcript);
  if (normaliseWords(words) === '' || said.some(({ kind }) => kind === 'answer')) return undefined;
  // The transcript may have grown since a tool was asked for: what counts is that no answer was heard after it.
  const lastHeard = transcript.findLastIndex(({ role }) => role === 'agent');
  if (settledTools.some(({ use }) => use.at > lastHeard)) return undefined;
  const rule = agent.cacheable.find(({ says }) => says.test(words));
  if (!rule) return undefined;
  const question = rule.step === undefined || rule.step === 'same-question' ? lastAgentWords(transcript) : '';
  const step = typeof rule.step === 'function' ? rule.step(transcript, variables) : normaliseWords(question);
  const parts = [agent.name, agent.version, step, normaliseWords(words)];
  return {
    key: createHash('sha256').update(parts.join('\u0000')).digest('hex'),
    ttlMs: rule.ttlMs ?? DEFAULT_TTL_MS,
    transcript: [
      ...(question === '' ? [] : [{ role: 'agent' as const, content: question }]),
      { role: 'user', content: words },
    ],
  };
}
