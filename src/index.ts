/** Door 1: what an agent's author and an embedder need. */

export { type AiSdkModel, aiSdk } from './adapters/models/ai-sdk.ts';
export { openAiCompatible } from './adapters/models/openai-compatible.ts';
export { type ScriptRule, type ScriptView, scripted } from './adapters/models/scripted.ts';
export type { Agent, AgentDefinition, CacheableReply, Line, Variables } from './agent/agent.ts';
export { defineAgent } from './agent/agent.ts';
export type { Tool, ToolContext, ToolDefinition, ToolEffect } from './agent/tools.ts';
export { refuse, tool } from './agent/tools.ts';
export type { Budget } from './call/budget.ts';
export type { Action, EscalationRule } from './call/call.ts';
export type { CallHook, CallHookEvent, CallHooks } from './operations/call-hooks.ts';
export type { LanguageModel, ModelChunk, ModelMessage, ModelRequest } from './ports/language-model.ts';
export { Fault } from './std/fault.ts';
export { defineConfig } from './variants/define-config.ts';
