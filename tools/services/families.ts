import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Signals a child and all below it, and says who they are: Postgres and nginx do their work in children, which live on
 * in another group when only the parent is stopped. What asks for a peaceful end goes to the parent alone.
 */
export function signalFamily(child: ChildProcess, signal: NodeJS.Signals): readonly number[] {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return [];
  const isForAll = signal === 'SIGKILL' || signal === 'SIGSTOP' || signal === 'SIGCONT';
  // Stopped first, a parent makes no more children while they are counted.
  if (isForAll && signal !== 'SIGCONT') process.kill(child.pid, 'SIGSTOP');
  const family = withDescendants(child.pid);
  for (const pid of isForAll ? family : [child.pid]) tell(pid, signal);
  return family;
}

function withDescendants(pid: number): readonly number[] {
  return [pid, ...childrenOf(pid).flatMap(withDescendants)];
}

/** The children of a process, on Linux; elsewhere none. */
export function childrenOf(pid: number): readonly number[] {
  try {
    const listed = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return listed === '' ? [] : listed.split(' ').map(Number);
  } catch {
    return []; // it has just gone, or this is no Linux
  }
}

function tell(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it went before it could be told
  }
}
