import { type Command, type CommanderError, InvalidArgumentError } from 'commander';
import { Fault } from '../std/fault.ts';
import { nearest } from '../std/nearest.ts';

/**
 * What commander found wrong with the command line, as a Fault that names the nearest thing that exists:
 * `cli.unknown_command`, `cli.unknown_flag`, `cli.wrong_usage`.
 */
export function usageFault(error: CommanderError, program: Command, argv: readonly string[]): Fault {
  const [, typed = ''] = /'([^']*)'/.exec(error.message) ?? [];
  const command = namedIn(program, argv);
  if (error.code === 'commander.unknownCommand') return unknownCommand(typed, command);
  if (error.code === 'commander.unknownOption') return unknownFlag(typed, command, program);
  const help = `${fullName(command)} --help`;
  return new Fault('invalid', 'cli.wrong_usage', error.message.replace(/^error: /, ''), { fixes: [help] });
}

/** The command, with examples before its help. */
export function example(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText('before', `Example:\n${lines.map((line) => `  ${line}`).join('\n')}\n`);
}

/** A flag's value as a whole number in a range. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}`);
  };
}

/** A flag's value as a number in a range, fractions allowed. */
export function anyNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d*\.?\d+$/.test(text) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`expected a number from ${min} to ${max}`);
  };
}

/** A share of a whole as a ratio: `5%` and `0.05` are the same. */
export function share(text: string): number {
  const [, digits = '', percent] = /^(\d*\.?\d+)(%?)$/.exec(text.trim()) ?? [];
  const value = Number(digits) / (percent ? 100 : 1);
  if (digits !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('expected a share such as 5% or 0.05');
}

/** A flag that may be given several times. */
export function collect(text: string, before: readonly string[]): readonly string[] {
  return [...before, text];
}

/** The innermost command of the line: of `jobs dead --jsno` it is `dead`. */
export function namedIn(command: Command, argv: readonly string[]): Command {
  const named = command.commands.find((one) => argv.includes(one.name()));
  return named ? namedIn(named, argv.slice(argv.indexOf(named.name()) + 1)) : command;
}

/** As it is typed: `offhook jobs dead`. */
function fullName(command: Command): string {
  return command.parent ? `${fullName(command.parent)} ${command.name()}` : command.name();
}

function unknownCommand(typed: string, parent: Command): Fault {
  const names = parent.commands.map((command) => command.name());
  const meant = nearest(typed, names);
  const name = fullName(parent);
  return new Fault(
    'invalid',
    'cli.unknown_command',
    `${name} has no command "${typed}"${meant ? `; did you mean ${meant}?` : ''}`,
    { fixes: [meant ? `${name} ${meant}` : `${name} help`] },
  );
}

function unknownFlag(typed: string, command: Command, program: Command): Fault {
  const flags = [...command.options, ...program.options].flatMap(({ long }) => (long ? [long] : []));
  const [bare = typed] = typed.split('=', 1);
  const meant = nearest(bare, [...flags, '--help']);
  const name = fullName(command);
  return new Fault(
    'invalid',
    'cli.unknown_flag',
    `${name} has no flag ${bare}${meant ? `; did you mean ${meant}?` : ''}`,
    { fixes: [`${name} --help`] },
  );
}
