import type { OutboundFrame, Speech } from '../../retell/frames.ts';
import { actionOf } from './agent-speech.ts';
import type { LineAction } from './events.ts';
import type { WireItem } from './tape.ts';

/** What the server set for this call, with Retell's defaults for what it did not. */
interface LineSettings {
  weavesToolCalls: boolean;
  reminderMs: number;
  maxReminders: number;
  isInterruptible: boolean;
}

/** An agent's defaults as Retell documents them. */
export const DEFAULT_SETTINGS: Readonly<LineSettings> = {
  weavesToolCalls: false,
  reminderMs: 10_000,
  maxReminders: 1,
  isInterruptible: true,
};

/** Which speech a frame belongs to. */
export type SpeechSource =
  | { readonly kind: 'response'; readonly id: number }
  | { readonly kind: 'interrupt'; readonly id: number };

/** What a line does about each kind of frame. */
interface FrameHandlers {
  readonly config: (config: Extract<OutboundFrame, { response_type: 'config' }>['config']) => void;
  readonly settings: (settings: Partial<LineSettings>) => void;
  readonly weave: (item: WireItem) => void;
  readonly toolCall: (name: string) => void;
  readonly speech: (speech: Speech, from: SpeechSource, action: LineAction | undefined) => void;
}

/** Hands a server's frame to what it is for. */
export function readFrame(frame: OutboundFrame, on: FrameHandlers): void {
  switch (frame.response_type) {
    case 'config':
      on.config(frame.config);
      break;
    case 'response':
      on.speech(frame, { kind: 'response', id: frame.response_id }, actionOf(frame));
      break;
    case 'agent_interrupt':
      on.speech(frame, { kind: 'interrupt', id: frame.interrupt_id }, actionOf(frame));
      break;
    case 'tool_call_invocation': {
      const { response_type: role, ...item } = frame;
      on.weave({ role, ...item });
      on.toolCall(frame.name);
      break;
    }
    case 'tool_call_result': {
      const { response_type: role, ...item } = frame;
      on.weave({ role, ...item });
      break;
    }
    case 'update_agent':
      on.settings(settingsOf(frame.agent_config));
      break;
    case 'ping_pong': // the link has read it
    case 'metadata': // goes to a web page; there is none here
      break;
    default:
      frame satisfies never;
  }
}

function settingsOf(
  config: Extract<OutboundFrame, { response_type: 'update_agent' }>['agent_config'],
): Partial<LineSettings> {
  const { interruption_sensitivity, reminder_trigger_ms, reminder_max_count } = config;
  return {
    ...(interruption_sensitivity !== undefined && { isInterruptible: interruption_sensitivity > 0 }),
    ...(reminder_trigger_ms !== undefined && { reminderMs: reminder_trigger_ms }),
    ...(reminder_max_count !== undefined && { maxReminders: reminder_max_count }),
  };
}
