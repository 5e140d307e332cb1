import type { Call, DraftedTool, SettledTool, ToolOutcome, ToolUse, Turn } from './call.ts';
import type { CallInput } from './inputs.ts';
import { openTurn, speaking } from './phases.ts';
import { closeTurn, type Emit, fallBack, say, startDraft } from './turn.ts';

/** Model requests in one turn; a model that keeps asking for tools is stopped here. */
const MAX_ROUNDS = 6;
/** Finished tool uses kept for later prompts; older ones have left the conversation. */
const KEPT_SETTLED = 20;

/** The draft ends in tools: they are written down first, then run; the next round's draft reads their results. */
export function useTools(call: Call, turn: Turn, requests: readonly DraftedTool[], emit: Emit): Call {
  const uses = requests.map(
    (drafted, index): ToolUse => ({
      ...drafted,
      toolCallId: `${call.id}.${call.epoch}.${turn.responseId}.${turn.started}.${index}`,
      request: call.request,
      at: call.transcript.length,
      granted: grantsOf(call, drafted.name),
    }),
  );
  emit({ kind: 'commit', tag: 'tools' });
  const waiting: Turn = {
    ...turn,
    drafts: [],
    tools: turn.tools + uses.length,
    awaiting: uses.map(({ toolCallId }) => toolCallId),
  };
  const running = [...call.running, ...uses.map((use) => ({ use, isStarted: false }))];
  return speaking({ ...call, running }, waiting);
}

/** The keys of this tool that the caller was told of in an earlier request, and that nobody has tried since. */
function grantsOf(call: Call, name: string): readonly string[] {
  const spent = new Set([...call.running, ...call.settledTools].flatMap(({ use }) => use.granted));
  return call.settledTools.flatMap(({ use, outcome }) => {
    const isTold = use.name === name && use.request < call.request && outcome.kind === 'unknown';
    return isTold && outcome.key !== undefined && !spent.has(outcome.key) ? [outcome.key] : [];
  });
}

/** What is written down may run. A tool belongs to the call from here on: a re-ask does not abort it. */
export function startTools(call: Call, emit: Emit): Call {
  for (const { use, isStarted } of call.running) {
    if (isStarted) continue;
    emit({ kind: 'noteUse', use });
    emit({ kind: 'tool', use, isProven: call.isProven });
  }
  return { ...call, running: call.running.map(({ use }) => ({ use, isStarted: true })) };
}

export function onToolSettled(call: Call, input: Extract<CallInput, { kind: 'toolSettled' }>, emit: Emit): Call {
  const settled = call.running.find(({ use }) => use.toolCallId === input.toolCallId);
  if (!settled) return call;
  const settledTool: SettledTool = { use: settled.use, outcome: input.outcome };
  emit({ kind: 'noteOutcome', settledTool });
  if (input.outcome.kind === 'done') for (const tell of input.outcome.tells ?? []) emit({ kind: 'tell', tell });
  emit({ kind: 'record', fact: { type: 'call.tool', name: settled.use.name, outcome: input.outcome.kind } });
  emit({ kind: 'commit' });
  const known: Call = {
    ...call,
    running: call.running.filter((running) => running !== settled),
    settledTools: [...call.settledTools, settledTool].slice(-KEPT_SETTLED),
  };
  const turn = openTurn(known);
  if (!turn?.awaiting.includes(input.toolCallId)) return known;
  return onAwaited(known, withOutcome(turn, input), input.outcome, input.at, emit);
}

/** One of the awaited tools is settled; when it was the last, the turn goes on with what they answered. */
function onAwaited(call: Call, turn: Turn, outcome: ToolOutcome, now: number, emit: Emit): Call {
  if (outcome.kind === 'unknown') {
    // Whether it took effect cannot be known, so only the caller can say what to do; their yes is a new request.
    const { action: _postponed, ...asked } = say(call, turn, { kind: 'answer', text: call.rules.uncertain }, now, emit);
    return closeTurn(call, { ...asked, awaiting: [] }, 'line', now, emit);
  }
  if (turn.awaiting.length > 0) return speaking(call, turn);
  if (turn.round >= MAX_ROUNDS) return fallBack(call, turn, 'agent.tool_loop', now, emit);
  const { finalMs, secondMs } = call.rules.budget;
  // The turn's own deadline stands; a tool that used it up leaves the model time for two tries.
  emit({ kind: 'arm', timer: 'final', at: Math.max(turn.askedAt + finalMs, now + 2 * secondMs) });
  return startDraft(call, { ...turn, round: turn.round + 1, attempts: 0, roundFrom: turn.said.length }, now, emit);
}

function withOutcome(turn: Turn, input: Extract<CallInput, { kind: 'toolSettled' }>): Turn {
  const { outcome, toolCallId } = input;
  const action = outcome.kind === 'done' ? outcome.action : undefined;
  return { ...turn, awaiting: turn.awaiting.filter((id) => id !== toolCallId), ...(action && { action }) };
}
