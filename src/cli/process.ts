import { toFault } from '../std/fault.ts';
import type { Environment } from '../variants/environment.ts';
import { EXIT } from './exit-codes.ts';
import { printFault } from './print-fault.ts';
import { runProgram } from './program.ts';
import { processTerminal } from './terminal.ts';

/** This process as offhook: runs its command line, says what went wrong, and exits. */
export async function runProcess(env: Environment): Promise<never> {
  const argv = process.argv.slice(2);
  const terminal = processTerminal(!argv.includes('--no-color'));
  const isDebug = argv.includes('--debug');

  // A promise that nobody awaited is a fault of ours in one place: it is said aloud, and the calls go on.
  process.on('unhandledRejection', (reason) => {
    terminal.err(printFault(toFault(reason, 'internal.unhandled_rejection'), terminal.paint, isDebug));
  });
  // After this nothing is certain: stop. Calls are journaled; Retell dials back, and they resume at the next start.
  process.on('uncaughtException', (error) => {
    terminal.err(printFault(toFault(error, 'internal.uncaught'), terminal.paint, isDebug));
    process.exit(EXIT.failed);
  });
  // `offhook simulate | head` closes the pipe early, which is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? EXIT.done : EXIT.failed);
  });

  process.exit(await runProgram(argv, { terminal, env, cwd: process.cwd() }));
}
