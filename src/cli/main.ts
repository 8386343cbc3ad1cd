#!/usr/bin/env node
import { CommanderError } from 'commander';
import { UsageError } from '../util/errors.js';
import { fail } from './fail.js';
import { createProgram } from './program.js';
import { Terminal } from './terminal.js';

const terminal = new Terminal(process.stdout, process.stderr);
const args = process.argv.slice(2);
const json = args.includes('--json');

// Whoever reads our output may stop early, as `| head` does. That is no reason to stop a job, nor to complain.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

// Rejections that nobody handles arrive here too. What state we are in is unknown: say it and end.
process.on('uncaughtException', (error) => {
  process.exit(fail(error, terminal, { json, job: undefined }));
});

const program = createProgram(terminal, (code) => {
  process.exitCode = code;
});
try {
  await program.parseAsync(args, { from: 'user' });
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = usageExitCode(error);
}

/** commander's errors are all about usage; it throws them too where it has printed what was asked for. */
function usageExitCode({ code, exitCode, message }: CommanderError): number {
  if (exitCode === 0) return 0;
  // No command at all: the help is printed already.
  if (code === 'commander.help') return 2;
  const [sentence = '', suggestion] = message.replace(/^error: /, '').split('\n');
  const command = program.commands.find((candidate) => candidate.name() === args[0]);
  const help = command === undefined ? 'penstock --help' : `penstock ${command.name()} --help`;
  const hint = suggestion?.replace(/^\((.*)\)$/, '$1') ?? `See ${help}.`;
  return fail(new UsageError(sentence, { hint }), terminal, { json, job: undefined });
}
