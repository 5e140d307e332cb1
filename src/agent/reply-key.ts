import { createHash } from 'node:crypto';
import type { DraftOrder } from '../call/effects.ts';
import { lastAgentWords, lastUserWords, normaliseWords } from '../call/transcript.ts';
import type { Agent, CacheableReply } from './agent.ts';

const DEFAULT_TTL_MS = 3_600_000;

/**
 * Under what a reply may be repeated to another caller, or undefined when the agent did not declare it repeatable.
 * Agent version, dialogue step and normalised words: a hash of the transcript would answer one caller with
 * another's words. A turn that has used tools, or continues a cut answer, is never a repetition.
 */
export function replyKey(
  agent: Agent,
  order: DraftOrder,
): { readonly key: string; readonly ttlMs: number } | undefined {
  const words = lastUserWords(order.transcript);
  if (words === '' || order.said.some(({ kind }) => kind === 'answer')) return undefined;
  const rule = agent.cacheable.find(({ says }) => says.test(words));
  const hasFreshResults = order.exchanges.some(({ use }) => use.at >= order.transcript.length);
  if (!rule || hasFreshResults) return undefined;
  const parts = [agent.name, agent.version, stepOf(rule, order), normaliseWords(words)];
  const key = createHash('sha256').update(parts.join('\u0000')).digest('hex');
  return { key, ttlMs: rule.ttlMs ?? DEFAULT_TTL_MS };
}

function stepOf(rule: CacheableReply, order: DraftOrder): string {
  const { step = 'same-question' } = rule;
  if (step === 'any') return '';
  if (step === 'same-question') return normaliseWords(lastAgentWords(order.transcript));
  return step(order.transcript, order.variables);
}
