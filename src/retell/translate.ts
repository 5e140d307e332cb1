import type { Action, CallId, Tell } from '../call/call.ts';
import type { Effect } from '../call/effects.ts';
import type { Transcript, Utterance } from '../call/transcript.ts';
import type { CallDetails, InboundFrame, OutboundFrame, Speech, WireUtterance } from './frames.ts';

/** Utterances as the call knows them. An unknown role is spoken on the line by someone else, so it counts as the user's side. */
export function toTranscript(wire: readonly WireUtterance[]): Transcript {
  return wire.map(({ role, content }) => ({ role: toRole(role), content }));
}

function toRole(role: string): Utterance['role'] {
  return role === 'agent' || role === 'transfer_target' ? role : 'user';
}

type SpokenFrame = Extract<
  InboundFrame,
  { interaction_type: 'update_only' | 'response_required' | 'reminder_required' }
>;

/**
 * The transcript of a frame; undefined when it could not be read. Where the woven one has keys that the caller pressed
 * it is read instead, so that they are heard in their place; tool items in it are our own reports and left out.
 */
export function transcriptOf(frame: SpokenFrame): Transcript | undefined {
  const woven = frame.transcript_with_tool_calls;
  if (frame.transcript && !woven?.some(({ role }) => role === 'dtmf')) return toTranscript(frame.transcript);
  return woven?.flatMap((item): readonly Utterance[] => {
    if (item.role === 'dtmf') return typeof item.digit === 'string' ? [pressed(item.digit)] : [];
    if (typeof item.role !== 'string' || typeof item.content !== 'string') return [];
    const isSpeech = item.role === 'agent' || item.role === 'user' || item.role === 'transfer_target';
    return isSpeech ? [{ role: toRole(item.role), content: item.content }] : [];
  });
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
