import type { ChildProcess } from 'node:child_process';

const children = new Map<ChildProcess, NodeJS.Signals>();
let isListening = false;

/** Sends the child this signal when this process exits, SIGTERM and Ctrl-C included: no orphan stays behind. */
export function endWithUs(child: ChildProcess, signal: NodeJS.Signals): void {
  children.set(child, signal);
  child.once('exit', () => children.delete(child));
  if (isListening) return;
  isListening = true;
  process.on('exit', endAll);
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const onSignal = () => {
      // With another listener the process may go on, and its exit ends them.
      if (process.listenerCount(name) > 1) return;
      endAll();
      process.off(name, onSignal);
      process.kill(process.pid, name);
    };
    process.on(name, onSignal);
  }
}

function endAll(): void {
  for (const [child, signal] of children) {
    child.kill('SIGCONT');
    child.kill(signal);
  }
}
