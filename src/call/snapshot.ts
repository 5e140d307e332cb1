import type { Call, CallHead, CallId, Rules, StoredCall } from './call.ts';
import type { Transcript } from './transcript.ts';

/** The part of a call that is replaced at each commit. */
export function headOf({ id: _id, epoch: _epoch, rules, transcript, speculation: _heard, ...kept }: Call): CallHead {
  return { ...kept, schema: 1, agent: rules.agent, heard: transcript.length };
}

/** A stored call, taken again under a new epoch; undefined when another version stored it in a shape we cannot read. */
export function restore(id: CallId, epoch: number, stored: StoredCall, rules: Rules): Call | undefined {
  const { schema, agent: _agent, heard: _heard, ...kept } = stored.head;
  return schema === 1 ? { ...kept, id, epoch, rules, transcript: transcriptOf(stored) } : undefined;
}

/** The stored utterances, in their order. */
export function transcriptOf(stored: StoredCall): Transcript {
  return [...stored.utterances]
    .sort((a, b) => a.index - b.index)
    .slice(0, stored.head.heard)
    .map(({ role, content }) => ({ role, content }));
}
