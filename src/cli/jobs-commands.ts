import type { Command } from 'commander';
import type { DeadJobsFlags, OneJobFlags } from './jobs.ts';
import type { Surroundings } from './surroundings.ts';
import { example, wholeNumber } from './usage.ts';

type Run<Flags> = (flags: Flags, surroundings: Surroundings) => Promise<number>;

/** `offhook jobs`: follow-up work that was set aside. `perform` runs a command in its surroundings. */
export function addJobsCommand(
  program: Command,
  perform: <Flags>(run: Run<Flags>) => (flags: Flags) => Promise<void>,
): void {
  const jobs = example(program.command('jobs'), 'offhook jobs dead', 'offhook jobs requeue 42').description(
    'look at follow-up work that was set aside, and have it done again',
  );
  const common = (command: Command, line: string) =>
    example(command, line)
      .option('--url <url>', 'the admin port of the server; default: what the configuration says')
      .option('--json', 'one JSON document on stdout');

  common(jobs.command('dead'), 'offhook jobs dead --limit 10')
    .description('list the jobs that were set aside, newest first')
    .option('--limit <n>', 'at most so many', wholeNumber(1, 1_000), 50)
    .option('--before <id>', 'those before this one')
    .action(async (flags: DeadJobsFlags) => perform((await import('./jobs.ts')).listDead)(flags));

  common(jobs.command('show <id>'), 'offhook jobs show 42')
    .description('show one, and why it was set aside')
    .action(async (id: string, flags: Omit<OneJobFlags, 'id'>) =>
      perform((await import('./jobs.ts')).showDead)({ ...flags, id }),
    );

  common(jobs.command('requeue <id>'), 'offhook jobs requeue 42')
    .description('give it all its tries anew')
    .action(async (id: string, flags: Omit<OneJobFlags, 'id'>) =>
      perform((await import('./jobs.ts')).requeueDead)({ ...flags, id }),
    );
}
