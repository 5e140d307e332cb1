import type { Action, CallId, Tell } from '../call/call.ts';
import type { Effect } from '../call/effects.ts';
import type { Transcript, Utterance } from '../call/transcript.ts';
import type { CallDetails, OutboundFrame, Speech, WireUtterance } from './frames.ts';

/** Utterances as the call knows them. An unknown role is spoken on the line by someone else, so it counts as the user's side. */
export function toTranscript(wire: readonly WireUtterance[]): Transcript {
  return wire.map(({ role, content }) => ({ role: toRole(role), content }));
}

function toRole(role: string): Utterance['role'] {
  return role === 'agent' || role === 'transfer_target' ? role : 'user';
}

/** What an item of the woven transcript says; tool items are our own reports and say nothing. */
export interface WovenItem {
  /** A key that the caller pressed. */
  readonly isKey: boolean;
  readonly utterance: Utterance | undefined;
}

const SILENT: WovenItem = { isKey: false, utterance: undefined };

/** The items of a woven transcript as the call knows them, one for one. */
export function toWoven(wire: readonly Readonly<Record<string, unknown>>[]): readonly WovenItem[] {
  return wire.map(({ role, content, digit }) => {
    if (role === 'dtmf') return { isKey: true, utterance: typeof digit === 'string' ? pressed(digit) : undefined };
    const isSpeech = role === 'agent' || role === 'user' || role === 'transfer_target';
    return isSpeech && typeof content === 'string' ? { isKey: false, utterance: { role, content } } : SILENT;
  });
}

/**
 * Which of a frame's transcripts counts: where the woven one has keys that the caller pressed it is read instead, so
 * that they are heard in their place. Undefined when neither could be read.
 */
export function chooseTranscript(
  spoken: Transcript | undefined,
  woven: readonly WovenItem[] | undefined,
): Transcript | undefined {
  if (spoken && !woven?.some(({ isKey }) => isKey)) return spoken;
  return woven?.flatMap(({ utterance }) => utterance ?? []);
}

function pressed(digit: string): Utterance {
  return { role: 'user', content: `(pressed ${digit})` };
}

/** The dynamic variables of a call; values that are not text are left out. */
export function variablesOf(details: CallDetails): Readonly<Record<string, string>> {
  const entries = Object.entries(details.retell_llm_dynamic_variables ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** The frames that an effect sends; most send one, those that concern only us send none. */
export function framesOf(effect: Effect): readonly OutboundFrame[] {
  switch (effect.kind) {
    case 'say': {
      const { responseId, text, isComplete, action } = effect;
      const showsCaller = action?.kind === 'transfer' && action.showCaller === true;
      return [
        {
          response_type: 'response',
          response_id: responseId,
          content: text,
          content_complete: isComplete,
          ...toFields(action),
          ...(showsCaller && { show_transferee_as_caller: true }),
        },
      ];
    }
    case 'interject':
      return [
        {
          response_type: 'agent_interrupt',
          interrupt_id: effect.interruptId,
          content: effect.text,
          content_complete: true,
          ...toFields(effect.action),
          no_interruption_allowed: true,
        },
      ];
    case 'noteUse': {
      const { toolCallId, name, arguments: args } = effect.use;
      return [{ response_type: 'tool_call_invocation', tool_call_id: toolCallId, name, arguments: args }];
    }
    case 'noteOutcome': {
      const { use, outcome } = effect.settledTool;
      const known =
        outcome.kind === 'unknown'
          ? { content: 'unknown' }
          : { content: outcome.content, successful: outcome.kind === 'done' };
      return [{ response_type: 'tool_call_result', tool_call_id: use.toolCallId, ...known }];
    }
    case 'tell':
      return [toTold(effect.tell)];
    default:
      return [];
  }
}

/** An action's fields. A transfer must not be cancelled by a cough while its line is spoken, so that line is uninterruptible. */
function toFields(action: Action | undefined): Omit<Partial<Speech>, 'content' | 'content_complete'> {
  if (!action) return {};
  switch (action.kind) {
    case 'end':
      return { end_call: true };
    case 'transfer':
      return { transfer_number: action.number, no_interruption_allowed: true };
    case 'digits':
      return { digit_to_press: action.digits };
    default:
      return action satisfies never;
  }
}

function toTold(tell: Tell): OutboundFrame {
  if (tell.kind === 'metadata') return { response_type: 'metadata', metadata: tell.metadata };
  const { responsiveness, interruptionSensitivity, reminderTriggerMs, reminderMaxCount } = tell.config;
  return {
    response_type: 'update_agent',
    agent_config: {
      ...(responsiveness !== undefined && { responsiveness }),
      ...(interruptionSensitivity !== undefined && { interruption_sensitivity: interruptionSensitivity }),
      ...(reminderTriggerMs !== undefined && { reminder_trigger_ms: reminderTriggerMs }),
      ...(reminderMaxCount !== undefined && { reminder_max_count: reminderMaxCount }),
    },
  };
}

/** The path segment under which Retell dials a call. */
export function socketPath(callId: CallId, secret?: string): string {
  return secret === undefined ? `/llm-websocket/${callId}` : `/llm-websocket/${secret}/${callId}`;
}
