import { fork } from 'node:child_process';
import { threadFlags } from '../../util/exec-argv.js';
import type { Answer, Reply, TaskName } from './child/main.js';

/** What came of a task in a process of its own. `log`: the end of what native code wrote to stderr. */
export type Outcome<T> = { readonly log: string } & (
  | { readonly kind: 'answered'; readonly answer: T }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'crashed'; readonly signal: NodeJS.Signals }
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'timed-out' }
);

const CHILD = new URL('./child/main.js', import.meta.url);
const LOG_CHARACTERS = 20_000;

/**
 * Tries something in a process of its own, which may crash or hang without harm: a driver that is broken does either.
 * A process that has answered and crashes on its way out has answered.
 */
export function isolated<Name extends TaskName>(
  limitMs: number,
  task: Name,
  argument = '',
): Promise<Outcome<Answer<Name>>> {
  return new Promise((resolve, reject) => {
    const child = fork(CHILD, [task, argument], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // A probe must not tell anybody of it (microsoft/onnxruntime pull request 27379).
      env: { ORT_DISABLE_TELEMETRY: '1', ...process.env },
      ...threadFlags(),
    });
    let log = '';
    let reply: Reply | undefined;
    let late = false;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-LOG_CHARACTERS);
    });
    child.on('message', (message: Reply) => {
      reply = message;
    });
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, limitMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (reply?.kind === 'answer') resolve({ kind: 'answered', answer: reply.answer as Answer<Name>, log });
      else if (reply !== undefined) resolve({ kind: 'failed', message: reply.message, log });
      else if (late) resolve({ kind: 'timed-out', log });
      else if (signal !== null) resolve({ kind: 'crashed', signal, log });
      else resolve({ kind: 'exited', code: code ?? -1, log });
    });
  });
}

/** What to say of an outcome that is no answer. */
export function describeFailure(outcome: Outcome<unknown>, limitMs: number): string {
  switch (outcome.kind) {
    case 'answered':
      return 'it answered';
    case 'failed':
      return firstLine(outcome.message);
    case 'crashed':
      return `it crashed: its process was ended by ${outcome.signal}`;
    case 'exited':
      return `its process ended with exit code ${outcome.code} and no answer`;
    case 'timed-out':
      return `it did not answer within ${limitMs / 1000} s`;
  }
}

/** Native code puts its source's place in front of what it has to say, and a stack behind. */
function firstLine(message: string): string {
  const [line = ''] = message.trim().split('\n');
  return line.replace(/^\S+\.cc:\d+ .*? was false\. /, '').replace(/\.$/, '');
}
