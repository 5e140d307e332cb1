import type { OutboundFrame } from '../../retell/frames.ts';
import { isRecord, parseJson } from '../../std/json.ts';

/** A server's frame as the simulator reads it: strictly, since catching breaches is its purpose. */
export type ParsedOutbound =
  | { readonly kind: 'frame'; readonly frame: OutboundFrame }
  | {
      readonly kind: 'breach';
      readonly rule: 'frame.not_json' | 'frame.no_response_type' | 'frame.bad_fields';
      /** What is wrong, by field name; never a value. */
      readonly detail: string;
    };

type Check = (value: unknown) => boolean;
type Shape = { readonly [field: string]: { readonly check: Check; readonly isOptional?: true } };

const isText: Check = (value) => typeof value === 'string';
const isTruth: Check = (value) => typeof value === 'boolean';
const isId: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isPositive: Check = (value) => typeof value === 'number' && value > 0;
const isRatio: Check = (value) => typeof value === 'number' && value >= 0 && value <= 1;
const isObject: Check = isRecord;
const isArgumentsText: Check = (value) => typeof value === 'string' && parseJson(value) !== undefined;

const needs = (check: Check) => ({ check });
const may = (check: Check) => ({ check, isOptional: true as const });

const SPEECH: Shape = {
  content: needs(isText),
  content_complete: needs(isTruth),
  no_interruption_allowed: may(isTruth),
  end_call: may(isTruth),
  transfer_number: may(isText),
  digit_to_press: may(isText),
};

const SHAPES = new Map<string, Shape>([
  ['config', { config: needs(isObject) }],
  ['ping_pong', { timestamp: needs(isId) }],
  ['response', { response_id: needs(isId), show_transferee_as_caller: may(isTruth), ...SPEECH }],
  ['agent_interrupt', { interrupt_id: needs(isId), ...SPEECH }],
  ['tool_call_invocation', { tool_call_id: needs(isText), name: needs(isText), arguments: needs(isArgumentsText) }],
  ['tool_call_result', { tool_call_id: needs(isText), content: needs(isText), successful: may(isTruth) }],
  ['update_agent', { agent_config: needs(isObject) }],
  ['metadata', { metadata: needs(isObject) }],
]);

const NESTED = new Map<string, { readonly field: string; readonly shape: Shape }>([
  [
    'config',
    {
      field: 'config',
      shape: { auto_reconnect: may(isTruth), call_details: may(isTruth), transcript_with_tool_calls: may(isTruth) },
    },
  ],
  [
    'update_agent',
    {
      field: 'agent_config',
      shape: {
        responsiveness: may(isRatio),
        interruption_sensitivity: may(isRatio),
        reminder_trigger_ms: may(isPositive),
        reminder_max_count: may(isId),
      },
    },
  ],
]);

/**
 * Reads one text frame a server sent. Unlike Retell, which drops what it cannot read, every flaw is named: a wrong
 * type, a missing field, and a field Retell does not know, which is most likely a misspelt one.
 */
export function parseOutbound(text: string): ParsedOutbound {
  const value = parseJson(text);
  if (!isRecord(value)) return { kind: 'breach', rule: 'frame.not_json', detail: 'expected one JSON object' };
  const type = value.response_type;
  if (type === undefined) {
    return { kind: 'breach', rule: 'frame.no_response_type', detail: 'response_type is missing' };
  }
  const flaw = flawOf(value, type);
  if (isFlawless(value, flaw)) return { kind: 'frame', frame: value };
  return { kind: 'breach', rule: 'frame.bad_fields', detail: flaw ?? '' };
}

/** The one place where a record becomes a frame: its fields were checked against the shape of its type. */
function isFlawless(_value: object, flaw: string | undefined): _value is OutboundFrame {
  return flaw === undefined;
}

function flawOf(value: Readonly<Record<string, unknown>>, type: unknown): string | undefined {
  const shape = typeof type === 'string' ? SHAPES.get(type) : undefined;
  if (typeof type !== 'string' || !shape) return 'response_type is not one Retell knows';
  const { response_type: _type, ...fields } = value;
  const flaw = flawOfFields(fields, shape, type);
  const nested = NESTED.get(type);
  if (flaw !== undefined || !nested) return flaw;
  const inner = fields[nested.field];
  return isRecord(inner) ? flawOfFields(inner, nested.shape, `${type}.${nested.field}`) : undefined;
}

function flawOfFields(fields: Readonly<Record<string, unknown>>, shape: Shape, path: string): string | undefined {
  for (const [field, { check, isOptional }] of Object.entries(shape)) {
    const value = fields[field];
    if (value === undefined) {
      if (!isOptional) return `${path}.${field} is missing`;
    } else if (!check(value)) {
      return `${path}.${field} has a wrong type or value`;
    }
  }
  const unknown = Object.keys(fields).find((field) => !(field in shape));
  return unknown === undefined ? undefined : `${path} has a field Retell does not know`;
}
