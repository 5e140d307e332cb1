import { resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import { toFault } from '../std/fault.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { addJobsCommand } from './jobs-commands.ts';
import { printFault } from './print-fault.ts';
import type { Surroundings } from './surroundings.ts';
import { anyNumber, collect, example, namedIn, share, usageFault, wholeNumber } from './usage.ts';
import { readVersion } from './version.ts';

interface GlobalFlags {
  readonly debug?: boolean;
  readonly cwd?: string;
  readonly config?: string;
}

type Run<Flags> = (flags: Flags, surroundings: Surroundings) => Promise<number>;

/**
 * Runs one command line, without node and script name. Everything it has to say it says; what is left is the exit
 * code.
 */
export async function runProgram(argv: readonly string[], around: Surroundings): Promise<number> {
  const { terminal } = around;
  let exitCode: number = EXIT.done;
  const program = buildProgram(around, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError && (thrown.exitCode === 0 || thrown.code === 'commander.help')) {
      if (thrown.exitCode !== 0) namedIn(program, argv).outputHelp(); // no command: what there is
      return EXIT.done;
    }
    const fault = thrown instanceof CommanderError ? usageFault(thrown, program, argv) : toFault(thrown);
    terminal.err(printFault(fault, terminal.paint, argv.includes('--debug')));
    return exitCodeOf(fault);
  }
}

function buildProgram(around: Surroundings, finish: (code: number) => void): Command {
  const { terminal } = around;
  const program = new Command('offhook')
    .description('The open backend for Retell AI voice agents: the caller always hears someone.')
    .version(readVersion(), '--version', 'print the version')
    .option('-C, --cwd <dir>', 'run as if started there')
    .option('--config <file>', 'the configuration file; default offhook.config.ts, .js, .mjs or .json')
    .option('--debug', 'print stacks and causes of what went wrong')
    .option('--no-color', 'no colours; also NO_COLOR=1')
    .helpOption('-h, --help', 'print this')
    .helpCommand('help [command]', 'print what a command does')
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: () => undefined, // printed once, as a Fault
    });

  const perform =
    <Flags extends object>(load: () => Promise<Run<Flags>>) =>
    async (flags: Flags) => {
      const run = await load();
      finish(await run(flags, placed(around, program.opts<GlobalFlags>())));
    };

  example(program.command('start'), 'offhook start', 'OFFHOOK_MAX_CALLS=60 offhook start')
    .description('answer calls: the server')
    .action(perform(async () => (await import('./start.ts')).start));

  example(program.command('talk'), 'offhook talk', 'offhook talk --say "book a table for two at eight"')
    .description('hold a text conversation with the running agent, over the real protocol')
    .option('--say <text>', 'say one thing, print the answer and leave')
    .option('--url <url>', 'where the server is; default: what the configuration says')
    .option('--secret <secret>', "the secret part of the socket's path; default OFFHOOK_SOCKET_SECRET")
    .option('--call-id <id>', 'the id of the call; default: a new one')
    .option('--agent-id <id>', "the Retell agent that is called; default: the first agent's")
    .action(perform(async () => (await import('./talk.ts')).talk));

  example(program.command('simulate'), 'offhook simulate --calls 50 --turns 10')
    .description('play Retell against a server: many callers, and a monitor of the protocol')
    .option('--calls <n>', 'callers', wholeNumber(1, 10_000), 10)
    .option('--turns <n>', 'turns in each call', wholeNumber(1, 1_000), 5)
    .option('--url <url>', 'where the server is; default: what the configuration says')
    .option('--secret <secret>', "the secret part of the socket's path; default OFFHOOK_SOCKET_SECRET")
    .option('--agent-id <id>', "the Retell agent that is called; default: the first agent's")
    .option('--seed <n>', 'repeat a run exactly', wholeNumber(0, 4_294_967_295))
    .option('--speech-rate <n>', 'how many times faster than people they speak', anyNumber(0.1, 1_000))
    .option('--barge-in <share>', 'answers the caller speaks over, such as 10%', share)
    .option('--re-ask <share>', 'turns in which the caller goes on speaking', share)
    .option('--reminder <share>', 'turns in which the caller stays silent until reminded', share)
    .option('--drop <share>', 'turns in which the socket is lost', share)
    .option('--gap <ms>', 'from the last partial transcript to the ask; default 0', wholeNumber(0, 10_000))
    .option('--revisions <share>', 'partial transcripts that the next one, or the ask, corrects', share)
    .option('--pauses <share>', 'words after which the caller stops to think', share)
    .option('--arrivals <n>', 'callers per second; default: all at once', anyNumber(0.01, 10_000))
    .option('--switch <name=position>', 'move a switch of what only Retell knows; repeatable', collect, [])
    .option('--filler <line>', 'a line that only buys time; repeatable; default: those of the agents', collect, [])
    .option(
      '--apology <line>',
      'a line that says there is no answer; repeatable; default: those of the agents',
      collect,
      [],
    )
    .option('--max-apologies <share>', 'answers that may be such a line; default 10%', share)
    .option('--expect-refused <n>', 'calls that must get the busy line', wholeNumber(0, 10_000))
    .option('--expect-answer-p95 <ms>', 'the 95th percentile of answers stays below this', wholeNumber(1, 60_000))
    .option('--json', 'one JSON document on stdout')
    .action(perform(async () => (await import('./simulate.ts')).simulate));

  example(program.command('stub-model'), 'offhook stub-model --hang 5% --rate-limited 3% --cut 3%')
    .description('a model to try things with: speaks the OpenAI protocol, and fails as told')
    .option('--port <n>', 'where to listen; 0 takes a free port', wholeNumber(0, 65_535), 0)
    .option('--first-token-ms <ms>', 'before a good answer begins', wholeNumber(0, 60_000), 200)
    .option('--token-ms <ms>', 'between its tokens', wholeNumber(0, 60_000), 15)
    .option('--hang <share>', 'requests that are accepted and never answered', share, 0)
    .option('--rate-limited <share>', 'requests answered 429', share, 0)
    .option('--error <share>', 'requests answered 500', share, 0)
    .option('--cut <share>', 'answers that break off', share, 0)
    .option('--malformed <share>', 'answers that are no valid stream', share, 0)
    .option('--slow <share>', 'answers that begin after three seconds', share, 0)
    .option('--seed <n>', 'which requests fail: the same for the same seed', wholeNumber(0, 4_294_967_295))
    .action(perform(async () => (await import('./stub-model.ts')).stubModel));

  addJobsCommand(
    program,
    (run) => async (flags) => finish(await run(flags, placed(around, program.opts<GlobalFlags>()))),
  );

  program
    .command('version')
    .description('print the version')
    .action(() => terminal.out(readVersion()));

  return program;
}

/** The surroundings after the global flags: another folder, another configuration file. */
function placed({ terminal, env, cwd }: Surroundings, flags: GlobalFlags): Surroundings {
  return {
    terminal,
    cwd: resolve(cwd, flags.cwd ?? '.'),
    env: flags.config === undefined ? env : { ...env, OFFHOOK_CONFIG: resolve(cwd, flags.config) },
  };
}
