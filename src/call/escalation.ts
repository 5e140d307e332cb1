import type { Call, EscalationRule } from './call.ts';
import { lastUserWords } from './transcript.ts';

/** The first rule by which the call, as it stands, is handed on without asking the model; undefined for most. */
export function escalationOf({ rules, transcript, failures }: Call): EscalationRule | undefined {
  const words = lastUserWords(transcript);
  // `search`, since `test` of a global or sticky expression remembers where it stopped: a step has no memory.
  return rules.escalation.find(({ when }) =>
    'says' in when ? words.search(when.says) >= 0 : failures >= when.failures,
  );
}
