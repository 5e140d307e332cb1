import type { Fault } from '../std/fault.ts';
import type { Terminal } from './terminal.ts';

/**
 * A Fault as a person reads it: its reason and the plain fact, the evidence, the effect on callers, what to do.
 * With `isDebug` its details, its stack and its causes as well.
 */
export function printFault(fault: Fault, paint: Terminal['paint'], isDebug: boolean): string {
  const [title = '', ...evidence] = fault.message.split('\n');
  const lines = [
    `${paint('red', '✗')} ${paint('bold', fault.reason)} ${title}`,
    ...evidence.map((line) => `  ${line}`),
  ];
  if (fault.effect !== undefined) lines.push(`  Callers: ${fault.effect}.`);
  const [only, ...others] = fault.fixes;
  if (only !== undefined && others.length === 0) lines.push(`  Fix: ${only}`);
  if (others.length > 0) lines.push('  Do one of:', ...fault.fixes.map((fix) => `    ${fix}`));
  if (isDebug) lines.push(...debugLines(fault));
  else if (fault.kind === 'bug') lines.push('  Where: run again with --debug');
  return lines.join('\n');
}

function debugLines(fault: Fault): readonly string[] {
  const details = Object.entries(fault.detail)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `  ${name}: ${String(value)}`);
  return [...details, ...stackOf(fault), ...causesOf(fault.cause)];
}

function causesOf(cause: unknown): readonly string[] {
  if (cause === undefined) return [];
  if (!(cause instanceof Error)) return [`  caused by ${String(cause)}`];
  return [`  caused by ${cause.name}: ${cause.message}`, ...stackOf(cause), ...causesOf(cause.cause)];
}

function stackOf(error: Error): readonly string[] {
  return (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => `    ${line.trim()}`);
}
