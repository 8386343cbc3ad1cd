import { HealthState } from '../cluster/health-state.js';
import { parseProcesses, planProcesses, visibleGpus } from '../cluster/processes.js';
import { eventIn } from '../cluster/supervised.js';
import { Supervisor, type SupervisorEvent } from '../cluster/supervisor.js';
import { fail } from './fail.js';
import type { Terminal } from './terminal.js';
import { duration } from './text.js';
import type { WorkerFlags } from './worker.js';
import { healthServer } from './worker-health.js';

/** As a terminal's Ctrl-C may come twice: see `interruptible`. */
const ECHO_MS = 100;

/** `penstock worker --processes`: workers as processes of their own, each with its share of the GPUs. */
export async function workerProcesses(
  processes: string,
  { json, health }: Pick<WorkerFlags, 'json' | 'health'>,
  terminal: Terminal,
  args: readonly string[] = process.argv.slice(1),
): Promise<number> {
  try {
    const plans = planProcesses(parseProcesses(processes), await visibleGpus());
    const width = Math.max(...plans.map(({ label }) => label.length));
    const said = plans.map((): string[] => []);
    const prefix = (label: string): string => terminal.colors.dim(`${label.padEnd(width)} │`);
    const state = new HealthState(plans.length);
    await using _health = await healthServer(health, state, terminal);
    const supervisor = new Supervisor({
      command: process.execPath,
      args: [...process.execArgv, ...withoutProcesses(args)],
      processes: plans,
      onLine: ({ index, label }, stream, line) => {
        if (stream === 'stdout') said[index]?.push(line);
        else terminal.print(`${prefix(label)} ${line}`);
      },
      onMessage: ({ index }, message) => {
        const event = eventIn(message);
        if (event !== undefined) state.observe(event, index);
      },
      onEvent: (event) => {
        if (event.kind === 'started') said[event.process.index]?.splice(0);
        else state.ended(event.process.index);
        const line = lineOf(event);
        if (line !== undefined) terminal.print(`${prefix(event.process.label)} ${line}`);
      },
    });
    const stopListening = handOn(supervisor);
    try {
      const code = await supervisor.ended;
      // What each of them printed last: see `--json` of one.
      if (json) terminal.document({ processes: said.map((lines) => parsed(lines.join('\n'))) });
      return code;
    } finally {
      stopListening();
    }
  } catch (error) {
    return fail(error, terminal, { json, job: undefined });
  }
}

/** Signals go to the processes, who know what each of them means. A terminal that is closed is no reason to lose anything. */
function handOn(supervisor: Supervisor): () => void {
  let lastAt = Number.NEGATIVE_INFINITY;
  const onSignal = (signal: NodeJS.Signals): void => {
    const at = performance.now();
    if (at - lastAt <= ECHO_MS) return;
    lastAt = at;
    supervisor.stop(signal === 'SIGINT' ? 'SIGINT' : 'SIGTERM');
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
}

function lineOf(event: SupervisorEvent): string | undefined {
  if (event.kind === 'started') return `process ${event.pid}`;
  const { how, restartInMs } = event;
  if (restartInMs !== undefined) return `ended: ${how}; started again in ${duration(restartInMs / 1000)}`;
  return how === 'exit code 0' ? undefined : `ended: ${how}`;
}

/** The same command for one process. */
export function withoutProcesses(args: readonly string[]): string[] {
  return args.filter(
    (arg, at) => arg !== '--processes' && !arg.startsWith('--processes=') && args[at - 1] !== '--processes',
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // It was killed before it could print anything.
    return null;
  }
}
