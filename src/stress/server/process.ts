import { InternalError } from '../../util/errors.js';
import { answerParent } from '../child-side.js';
import { ownChildren } from './children.js';
import type { ServerQuestions } from './server.js';
import { type RunningServer, startServerOf } from './servers.js';
import { plainStats } from './stats.js';

/* A tested server's process: the one that users get, or the one that is compared with, behind the same HTTP. */

let running: RunningServer | undefined;

function started(): RunningServer {
  if (running === undefined) throw new InternalError('a server was asked before it was started');
  return running;
}

answerParent<ServerQuestions>(
  {
    start: async ({ kind, config }) => {
      running = await startServerOf(kind, config);
      return running.origin;
    },
    stats: async () => plainStats(started().engine.stats()),
    injure: async (how) => {
      const processes = ownChildren();
      for (const pid of processes) process.kill(pid, how === 'crash' ? 'SIGKILL' : 'SIGSTOP');
      return processes.length;
    },
  },
  async () => running?.close(),
);
