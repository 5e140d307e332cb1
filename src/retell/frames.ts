/**
 * The socket's language, both directions, in the wire's own names.
 *
 * @source docs.retellai.com/api-references/llm-websocket; unknown fields are tolerated everywhere
 */

import { z } from 'zod';
import { isRecord, parseJson } from '../std/json.ts';

export interface WireWord {
  readonly word?: string | undefined;
  readonly start?: number | undefined;
  readonly end?: number | undefined;
}

export interface WireUtterance {
  readonly role: string;
  readonly content: string;
  /** As they came: not checked, since no call reads them. */
  readonly words?: readonly WireWord[] | undefined;
}

/** Retell to us. One line per frame; anything else parses to `ignored`, never to a crash. */
export type InboundFrame =
  | { readonly interaction_type: 'ping_pong'; readonly timestamp: number }
  | { readonly interaction_type: 'call_details'; readonly call: CallDetails }
  | {
      readonly interaction_type: 'update_only';
      readonly transcript?: readonly WireUtterance[] | undefined;
      readonly transcript_with_tool_calls?: readonly Record<string, unknown>[] | undefined;
      readonly turntaking?: string | undefined;
    }
  | {
      readonly interaction_type: 'response_required' | 'reminder_required';
      readonly response_id: number;
      /** Absent when it could not be read: the ask is still owed an answer. Items that cannot be read are left out. */
      readonly transcript?: readonly WireUtterance[] | undefined;
      readonly transcript_with_tool_calls?: readonly Record<string, unknown>[] | undefined;
    };

/** The call object as `call_details` brings it; only what we read is named. */
export interface CallDetails {
  readonly call_id?: string | undefined;
  readonly agent_id?: string | undefined;
  readonly call_type?: string | undefined;
  readonly direction?: string | undefined;
  readonly from_number?: string | undefined;
  readonly to_number?: string | undefined;
  readonly metadata?: unknown;
  readonly retell_llm_dynamic_variables?: Readonly<Record<string, unknown>> | undefined;
}

/** Us to Retell. */
export type OutboundFrame =
  | {
      readonly response_type: 'config';
      readonly config: {
        readonly auto_reconnect: boolean;
        readonly call_details: boolean;
        readonly transcript_with_tool_calls?: boolean;
      };
    }
  | { readonly response_type: 'ping_pong'; readonly timestamp: number }
  | ({
      readonly response_type: 'response';
      readonly response_id: number;
      readonly show_transferee_as_caller?: boolean;
    } & Speech)
  | ({ readonly response_type: 'agent_interrupt'; readonly interrupt_id: number } & Speech)
  | {
      readonly response_type: 'tool_call_invocation';
      readonly tool_call_id: string;
      readonly name: string;
      readonly arguments: string;
    }
  | {
      readonly response_type: 'tool_call_result';
      readonly tool_call_id: string;
      readonly content: string;
      readonly successful?: boolean;
    }
  | {
      readonly response_type: 'update_agent';
      readonly agent_config: {
        readonly responsiveness?: number;
        readonly interruption_sensitivity?: number;
        readonly reminder_trigger_ms?: number;
        readonly reminder_max_count?: number;
      };
    }
  | { readonly response_type: 'metadata'; readonly metadata: Readonly<Record<string, unknown>> };

export interface Speech {
  readonly content: string;
  readonly content_complete: boolean;
  readonly no_interruption_allowed?: boolean;
  readonly end_call?: boolean;
  readonly transfer_number?: string;
  readonly digit_to_press?: string;
}

// Transcripts are the one part of a frame that grows with the call, up to 8 MiB of it: a plain loop reads what we
// need of them, where a schema would copy every word's timing and list every fault.
const transcript = z
  .unknown()
  .transform((value) => readable(value, isUtterance))
  .optional();
const woven = z
  .unknown()
  .transform((value) => readable(value, isRecord))
  .optional();
const responseId = z.int().min(0);

const inbound = z.discriminatedUnion('interaction_type', [
  z.looseObject({ interaction_type: z.literal('ping_pong'), timestamp: z.number() }),
  z.looseObject({
    interaction_type: z.literal('call_details'),
    call: z.looseObject({
      call_id: z.string().optional().catch(undefined),
      agent_id: z.string().optional().catch(undefined),
      call_type: z.string().optional().catch(undefined),
      direction: z.string().optional().catch(undefined),
      from_number: z.string().optional().catch(undefined),
      to_number: z.string().optional().catch(undefined),
      retell_llm_dynamic_variables: z.record(z.string(), z.unknown()).optional().catch(undefined),
    }),
  }),
  z.looseObject({
    interaction_type: z.literal('update_only'),
    transcript,
    transcript_with_tool_calls: woven,
    turntaking: z.string().optional().catch(undefined),
  }),
  z.looseObject({
    interaction_type: z.enum(['response_required', 'reminder_required']),
    response_id: responseId,
    transcript,
    transcript_with_tool_calls: woven,
  }),
]);

const KNOWN = new Set(['ping_pong', 'call_details', 'update_only', 'response_required', 'reminder_required']);

export type ParsedFrame =
  | { readonly kind: 'frame'; readonly frame: InboundFrame }
  /** A type we do not know, tolerated: Retell may add some. */
  | { readonly kind: 'ignored' }
  /** Not JSON, or a known type with wrong fields; `reason` is the Fault's. */
  | {
      readonly kind: 'malformed';
      readonly reason: 'frame.not_json' | 'frame.not_object' | 'frame.bad_fields';
      readonly field?: string;
    };

/** Parses one text frame from Retell; never throws. Ids must be integers that are safe to count with. */
export function parseFrame(text: string): ParsedFrame {
  const value = parseJson(text);
  if (value === undefined) return { kind: 'malformed', reason: 'frame.not_json' };
  if (!isRecord(value)) return { kind: 'malformed', reason: 'frame.not_object' };
  const type = value.interaction_type;
  if (typeof type !== 'string' || !KNOWN.has(type)) return { kind: 'ignored' };
  const parsed = inbound.safeParse(value);
  if (parsed.success) return { kind: 'frame', frame: parsed.data };
  return { kind: 'malformed', reason: 'frame.bad_fields', field: parsed.error.issues[0]?.path.join('.') ?? '' };
}

/** The text to send; frames are always strings, since a binary one ends the call (close 1007). */
export function printFrame(frame: OutboundFrame): string {
  return JSON.stringify(frame);
}

/** The items that can be read; undefined when it is no list, or a list of nothing that can. */
function readable<T>(value: unknown, isReadable: (item: unknown) => item is T): readonly T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items = value.filter(isReadable);
  return items.length === 0 && value.length > 0 ? undefined : items;
}

function isUtterance(item: unknown): item is WireUtterance {
  return isRecord(item) && typeof item.role === 'string' && typeof item.content === 'string';
}
