import { CommanderError } from 'commander';
import { fail } from './fail.js';
import { createProgram } from './program.js';
import { Terminal } from './terminal.js';
import { helpError, usageError } from './usage.js';

const terminal = new Terminal(process.stdout, process.stderr);
const args = process.argv.slice(2);
const options = { json: args.includes('--json'), job: undefined };

// Whoever reads our output may stop early, as `| head` does. That is no reason to stop a job, nor to complain.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

// Rejections that nobody handles arrive here too. What state we are in is unknown: say it and end.
process.on('uncaughtException', (error) => {
  process.exit(fail(error, terminal, options));
});

const program = createProgram(terminal, (code) => {
  process.exitCode = code;
});
const wrongHelp = helpError(program, args);
try {
  if (wrongHelp !== undefined) process.exitCode = fail(wrongHelp, terminal, options);
  else await program.parseAsync(args, { from: 'user' });
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // commander throws where it has printed what was asked for, too; and where there is no command, and it has printed the help.
  if (error.exitCode === 0) process.exitCode = 0;
  else if (error.code === 'commander.help') process.exitCode = 2;
  else process.exitCode = fail(usageError(error, program, args), terminal, options);
}
