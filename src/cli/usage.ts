import type { Command, CommanderError } from 'commander';
import { suggest } from '../job/suggest.js';
import { UsageError } from '../util/errors.js';

/** What is wrong with a command line that commander refuses, and how to go on. */
export function usageError(error: CommanderError, program: Command, args: readonly string[]): UsageError {
  const sentence = error.message.replace(/^error: /, '');
  const command = program.commands.find((candidate) => candidate.name() === args[0]);
  const help = command === undefined ? 'penstock --help' : `penstock ${command.name()} --help`;
  const [, word = ''] = /'(.*)'/.exec(sentence) ?? [];
  const hint =
    error.code === 'commander.unknownCommand'
      ? commandMeant(word, namesOf(program))
      : error.code === 'commander.unknownOption'
        ? optionMeant(word, command ?? program)
        : undefined;
  return new UsageError(sentence, { hint: hint ?? `See ${help}.` });
}

/** `penstock help WORD`, where that is no command: commander would print the help of everything instead. */
export function helpError(program: Command, [first, word]: readonly string[]): UsageError | undefined {
  const names = [...namesOf(program), 'help'];
  if (first !== 'help' || word === undefined || word.startsWith('-') || names.includes(word))
    return undefined;
  const hint = commandMeant(word, names) ?? 'See penstock --help.';
  return new UsageError(`unknown command '${word}'`, { hint });
}

const namesOf = (program: Command): string[] => program.commands.map((command) => command.name());

function commandMeant(word: string, names: readonly string[]): string | undefined {
  const name = suggest(word, names);
  if (name !== undefined) return `Did you mean ${name}?`;
  // A file where a command should be.
  if (/\.(?:ya?ml|json)$/i.test(word)) return `Did you mean penstock run ${word}?`;
  return /\.(?:arrows?|feather|parquet|onnx)$/i.test(word)
    ? `Did you mean penstock inspect ${word}?`
    : undefined;
}

/** Nearer than what commander takes for near, to which nearly all options are. */
function optionMeant(word: string, { options }: Command): string | undefined {
  const names = [...options.flatMap(({ long }) => (typeof long === 'string' ? [long] : [])), '--help'];
  const name = word.startsWith('--') ? suggest(word.replace(/=.*/s, ''), names) : undefined;
  return name === undefined ? undefined : `Did you mean ${name}?`;
}
