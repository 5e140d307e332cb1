import { type Command, type CommanderError, InvalidArgumentError } from 'commander';
import { Fault } from '../std/fault.ts';
import { nearest } from '../std/nearest.ts';

/**
 * What commander found wrong with the command line, as a Fault that names the nearest thing that exists:
 * `cli.unknown_command`, `cli.unknown_flag`, `cli.wrong_usage`.
 */
export function usageFault(error: CommanderError, program: Command, argv: readonly string[]): Fault {
  const [, typed = ''] = /'([^']*)'/.exec(error.message) ?? [];
  const command = program.commands.find((one) => argv.includes(one.name())) ?? program;
  if (error.code === 'commander.unknownCommand') return unknownCommand(typed, program);
  if (error.code === 'commander.unknownOption') return unknownFlag(typed, command, program);
  const help = `offhook ${command === program ? '' : `${command.name()} `}--help`;
  return new Fault('invalid', 'cli.wrong_usage', error.message.replace(/^error: /, ''), { fixes: [help] });
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

function unknownCommand(typed: string, program: Command): Fault {
  const names = program.commands.map((command) => command.name());
  const meant = nearest(typed, names);
  return new Fault(
    'invalid',
    'cli.unknown_command',
    `offhook has no command "${typed}"${meant ? `; did you mean ${meant}?` : ''}`,
    { fixes: [meant ? `offhook ${meant}` : 'offhook help'] },
  );
}

function unknownFlag(typed: string, command: Command, program: Command): Fault {
  const flags = [...command.options, ...program.options].flatMap(({ long }) => (long ? [long] : []));
  const [bare = typed] = typed.split('=', 1);
  const meant = nearest(bare, [...flags, '--help']);
  const name = command === program ? 'offhook' : `offhook ${command.name()}`;
  return new Fault(
    'invalid',
    'cli.unknown_flag',
    `${name} has no flag ${bare}${meant ? `; did you mean ${meant}?` : ''}`,
    { fixes: [`${name} --help`] },
  );
}
