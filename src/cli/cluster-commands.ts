import { type Command, InvalidArgumentError } from 'commander';
import type { CancelFlags } from './cancel.js';
import { helpText } from './help.js';
import { interruptible } from './interrupt.js';
import type { StatusFlags } from './status.js';
import type { SubmitFlags } from './submit.js';
import type { Terminal } from './terminal.js';
import type { WorkerFlags } from './worker.js';

type Labels = Readonly<Record<string, string>>;

const WHERE = 'redis[s]://[user[:password]@]host[:port][/database]';

const QUEUE_HELP = `
The queue is a Redis: --queue, or PENSTOCK_QUEUE in the environment. A password is
best kept out of the command line: PENSTOCK_QUEUE_USERNAME, PENSTOCK_QUEUE_PASSWORD.
rediss: is TLS; an authority of your own is named by NODE_EXTRA_CA_CERTS.`;

/** The commands of the queue: work for many machines. */
export function addClusterCommands(program: Command, terminal: Terminal, exit: (code: number) => void): void {
  const command = (name: string): Command =>
    program
      .command(name)
      .option('--queue <url>', `where the queue is: ${WHERE}`)
      .option('--name <name>', 'of the queue, where one Redis has several (default: penstock)');

  command('submit')
    .summary('put a job into the queue, for workers on any machine')
    .description(
      'Puts a job into the queue, cut into shards that workers take: see penstock worker. Submitting it twice is submitting it ' +
        'once; what was cancelled or has failed goes on from what is committed.',
    )
    .argument('<job>', 'the job file, YAML or JSON; workers must reach its locations, too')
    .option('--shards <n>', 'into how many shards, at most one a split (default: 64)', parseCount)
    .option('--priority <n>', '1 comes first, strictly, before 2 and so on (default: 5)', parseCount)
    .option('--weight <x>', 'its share of the workers among jobs of its priority (default: 1)', parseWeight)
    .option('--label <key=value>', 'what a worker must have; may be given again', parseLabel)
    .option('--memory <size>', 'what a worker must have, as in 24GB or 512MiB', parseBytes)
    .option('--attempts <n>', 'how often a shard is tried before the run has failed (default: 3)', parseCount)
    .option(
      '--set <key.path=value>',
      'set a key of the job file; may be given again for another key',
      (text: string, before: string[] = []) => [...before, text],
    )
    .option('--overwrite', 'replace what another job has written to the same place')
    .option('--wait', 'wait until it is done, show how it goes, and report')
    .option('--json', 'print what was submitted, or with --wait the report, on stdout as one JSON document')
    .addHelpText(
      'after',
      helpText(`
With --wait the exit code is that of penstock run: 0, 1, 3; Ctrl-C (130) ends only
the waiting, and penstock cancel ends the run.
${QUEUE_HELP}

Examples:
  penstock submit job.yaml --queue redis://redis:6379 --shards 200
  penstock submit job.yaml --priority 1 --label gpu=a100 --wait`),
    )
    .action(async (job: string, flags: Partial<SubmitFlags>) => {
      const all = { json: false, set: [], overwrite: false, wait: false, label: {}, ...flags };
      exit(
        await interruptible(
          terminal,
          async (interruption) => {
            const { submit } = await import('./submit.js');
            return submit(job, all, terminal, interruption);
          },
          'no longer waiting: what is in the queue goes on',
        ),
      );
    });

  command('worker')
    .summary('take shards from the queue, and run them')
    .description(
      'Takes shards of jobs in the queue, one at a time, and runs them. It takes only what it can run: it tries what providers ' +
        'work here, and says so in the queue. Start as many as there are devices, on as many machines as there are.',
    )
    .option(
      '--label <key=value>',
      'what this worker has, for jobs that ask for it; may be given again',
      parseLabel,
    )
    .option('--providers <names>', 'what it offers, in place of what is tried: cpu,cuda', parseList)
    .option('--allow-code', 'run transforms and model modules that jobs bring along')
    .option(
      '--allow-digest <sha256:…>',
      'run only those with this digest; may be given again; @file: those in a file, one a line',
      (text: string, before: string[] = []) => [...before, text],
    )
    .option(
      '--drain-seconds <n>',
      'what its shard may take to end at the first signal (default: 20)',
      parseSeconds,
    )
    .option(
      '--lock-seconds <n>',
      'after so long without a sign of life another takes its shard (default: 30)',
      parseSeconds,
    )
    .option(
      '--processes <n>',
      'so many workers, each a process that is started again when it fails; auto: one for each GPU',
    )
    .option(
      '--health <[host:]port>',
      'answer /healthz, /readyz and /metrics there (also PENSTOCK_HEALTH; without a host: for this machine only)',
    )
    .option(
      '--serve <config>',
      'serve models, too, as penstock serve does; shards take what requests leave free',
    )
    .option('--insecure', 'with --serve: listen on other addresses than loopback although there is no token')
    .option('--exit-when-idle', 'end once the queue has nothing left that it could run')
    .option('--json', 'print what it has done on stdout at its end, as one JSON document')
    .addHelpText(
      'after',
      helpText(`
SIGTERM or Ctrl-C: it takes nothing new, ends its shard within --drain-seconds or
puts it back, and ends (exit code 0, or 130 after Ctrl-C). The second puts the shard
back at once, the third ends the process on the spot: even then nothing is lost.
${QUEUE_HELP}

Examples:
  penstock worker --queue redis://redis:6379
  penstock worker --label gpu=a100 --allow-code
  penstock worker --processes auto
  penstock worker --serve serve.yaml
  penstock worker --exit-when-idle --json`),
    )
    .action(async (flags: Partial<WorkerFlags>) => {
      const all = {
        json: false,
        label: {},
        allowCode: false,
        allowDigest: [],
        exitWhenIdle: false,
        insecure: false,
        ...flags,
      };
      if (all.processes !== undefined) {
        const { workerProcesses } = await import('./worker-processes.js');
        exit(await workerProcesses(all.processes, all, terminal));
        return;
      }
      exit(
        await interruptible(
          terminal,
          async (interruption) => {
            const { worker } = await import('./worker.js');
            return worker(all, terminal, interruption);
          },
          'draining: nothing new is taken; again: the shard at work goes back at once',
          'putting the shard back; again: ending on the spot',
        ),
      );
    });

  command('status')
    .summary('what is in the queue, and who works on it')
    .description(
      'Shows the runs in the queue, their progress, the workers, and why something does not go on.',
    )
    .argument('[run]', 'one run, by its id or the first letters of it')
    .option('--watch', 'look again every second, until Ctrl-C')
    .option('--json', 'print one JSON document on stdout')
    .addHelpText(
      'after',
      helpText(`${QUEUE_HELP}

Examples:
  penstock status --queue redis://redis:6379
  penstock status --watch
  penstock status 3fa9 --json | jq .report.throughput`),
    )
    .action(async (run: string | undefined, flags: Partial<StatusFlags>) => {
      const all = { json: false, watch: false, ...flags };
      exit(
        await interruptible(
          terminal,
          async (interruption) => {
            const { status } = await import('./status.js');
            return status(run, all, terminal, interruption);
          },
          'enough seen',
        ),
      );
    });

  command('cancel')
    .summary('take a run back out of the queue')
    .description(
      'Cancels a run: workers leave its shards within seconds. What is committed stays, and submitting the job again goes on ' +
        'from there.',
    )
    .argument('<run>', 'its id, or the first letters of it')
    .option('--json', 'print one JSON document on stdout')
    .addHelpText('after', helpText(QUEUE_HELP))
    .action(async (run: string, flags: Partial<CancelFlags>) => {
      exit(
        await interruptible(terminal, async (interruption) => {
          const { cancel } = await import('./cancel.js');
          return cancel(run, { json: false, ...flags }, terminal, interruption);
        }),
      );
    });
}

function parseCount(text: string): number {
  const count = Number(text.replaceAll(/[_,]/g, ''));
  if (Number.isInteger(count) && count >= 1) return count;
  throw new InvalidArgumentError('Expected a whole number from 1 on.');
}

function parseWeight(text: string): number {
  const weight = Number(text);
  if (weight > 0 && Number.isFinite(weight)) return weight;
  throw new InvalidArgumentError('Expected a number above 0.');
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text !== '' && Number.isFinite(seconds) && seconds >= 0) return seconds;
  throw new InvalidArgumentError('Expected a number of seconds from 0 on.');
}

function parseList(text: string): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function parseLabel(text: string, before: Labels = {}): Labels {
  const [, key, value] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (key === undefined || value === undefined) throw new InvalidArgumentError('Expected key=value.');
  return { ...before, [key]: value };
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
  TIB: 2 ** 40,
};

function parseBytes(text: string): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([KMGT]i?B)?$/i.exec(text) ?? [];
  const factor = UNITS[unit.toUpperCase()];
  if (number === undefined || factor === undefined) {
    throw new InvalidArgumentError('Expected a size such as 24GB or 512MiB.');
  }
  return Math.round(Number(number) * factor);
}
