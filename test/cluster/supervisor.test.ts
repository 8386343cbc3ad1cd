import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { planProcesses } from '../../src/cluster/processes.js';
import { Supervisor, type SupervisorEvent, type SupervisorOptions } from '../../src/cluster/supervisor.js';
import { workspace } from '../helpers/workspace.js';

const CHILD = fileURLToPath(new URL('./fixtures/child.mjs', import.meta.url));

/** Starts processes that do what `acts` says (see the fixture); restarts come at once, and are written down. */
function supervised(
  acts: readonly string[],
  { count = 1, ...rest }: Partial<SupervisorOptions> & { readonly count?: number } = {},
) {
  const lines: string[] = [];
  const events: SupervisorEvent[] = [];
  const waits: number[] = [];
  let onLine = (): void => {};
  const supervisor = new Supervisor({
    command: process.execPath,
    args: [CHILD, ...acts],
    processes: planProcesses(count, []),
    onLine: ({ index }, stream, line) => {
      lines.push(`${index} ${stream}: ${line}`);
      onLine();
    },
    onEvent: (event) => events.push(event),
    wait: async (ms) => void waits.push(ms),
    ...rest,
  });
  onTestFinished(() => {
    for (let i = 0; i < 3; i++) supervisor.stop('SIGTERM');
  });
  /** Resolves once so many lines say that. */
  const said = (text: string, times = count): Promise<void> =>
    new Promise((resolve) => {
      onLine = () => {
        if (lines.filter((line) => line.endsWith(text)).length >= times) resolve();
      };
      onLine();
    });
  return { supervisor, lines, events, waits, said };
}

const hows = (events: readonly SupervisorEvent[]): string[] =>
  events.flatMap((event) => (event.kind === 'ended' ? [event.how] : []));

describe('a process', () => {
  test('that ends with 0 has done what there was to do', async () => {
    const { supervisor, lines, waits } = supervised(['say=hello', 'err=oh', 'env=PENSTOCK_PROCESS'], {
      count: 2,
    });
    expect(await supervisor.ended).toBe(0);
    expect(waits).toEqual([]);
    expect(lines.sort()).toEqual([
      '0 stderr: oh',
      '0 stdout: PENSTOCK_PROCESS=0/2',
      '0 stdout: hello',
      '1 stderr: oh',
      '1 stdout: PENSTOCK_PROCESS=1/2',
      '1 stdout: hello',
    ]);
  });

  test.each([
    ['exit=1', 'exit code 1'],
    ['die=SIGKILL', 'SIGKILL'],
    ['exit=130', 'exit code 130'],
  ])('that ends with %s is started again', async (act, how) => {
    const count = workspace()('count');
    const { supervisor, events, waits } = supervised([`count=${count}`, `first=${act}`]);
    expect(await supervisor.ended).toBe(0);
    expect(readFileSync(count, 'utf8')).toBe('..');
    expect(hows(events)).toEqual([how, 'exit code 0']);
    expect(waits).toEqual([1000]);
  });

  test('that fails again and again is started ever later, half a minute at most, and soon again once it has lived', async () => {
    let at = 0;
    const { supervisor, waits } = supervised(['exit=1'], {
      clock: () => at,
      // The eighth lives for a minute; nothing else takes time.
      onEvent: ({ kind }) => {
        if (kind === 'started' && waits.length === 7) at += 60_000;
      },
      wait: async (ms) => {
        waits.push(ms);
        if (waits.length === 10) supervisor.stop('SIGTERM');
      },
    });
    expect(await supervisor.ended).toBe(0);
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 1000, 2000, 4000]);
  });

  test('that was called wrongly ends them all, and is not started again', async () => {
    const { supervisor, events } = supervised(['on=1:exit=2', 'until=SIGTERM'], { count: 3 });
    expect(await supervisor.ended).toBe(2);
    expect(hows(events)).toHaveLength(3);
    expect(events.filter((event) => event.kind === 'ended' && event.restartInMs !== undefined)).toEqual([]);
  });

  test('that can not be started is tried again', async () => {
    const { supervisor, events } = supervised([], {
      command: '/no/such/command',
      wait: async () => {
        supervisor.stop('SIGTERM');
      },
    });
    expect(await supervisor.ended).toBe(0);
    expect(hows(events)).toEqual([expect.stringContaining("it can't be started")]);
  });

  test('learns that the supervisor is gone', async () => {
    const file = workspace()('orphan');
    const module = new URL('../../dist/cluster/supervisor.js', import.meta.url).href;
    const program = `
      import { Supervisor } from ${JSON.stringify(module)};
      new Supervisor({
        command: process.execPath,
        args: ${JSON.stringify([CHILD, `orphan=${file}`])},
        processes: [{ index: 0, count: 1, label: '', env: {} }],
        onLine: (process_, stream, line) => line === 'waiting' && process.kill(process.pid, 'SIGKILL'),
      });`;
    expect(spawnSync(process.execPath, ['--input-type=module', '-e', program]).signal).toBe('SIGKILL');
    await vi.waitFor(() => expect(existsSync(file)).toBe(true), { timeout: 20_000, interval: 10 });
  });
});

describe('a signal', () => {
  test.each([
    ['SIGTERM', [], 0],
    ['SIGINT', ['exit=130'], 130],
  ] as const)('%s is handed on to all, and they are waited for', async (signal, then, code) => {
    const { supervisor, lines, said, waits } = supervised([`until=${signal}`, ...then], { count: 2 });
    await said('waiting');
    supervisor.stop(signal);
    expect(await supervisor.ended).toBe(code);
    expect(lines.filter((line) => line.endsWith(signal))).toHaveLength(2);
    expect(waits).toEqual([]);
  });

  test('that comes a second time is handed on, too; the third ends what does not heed it', async () => {
    const { supervisor, said, events } = supervised(['until=SIGTERM,SIGTERM,SIGTERM,SIGTERM']);
    await said('waiting');
    supervisor.stop('SIGTERM');
    await said('SIGTERM');
    supervisor.stop('SIGTERM');
    await said('SIGTERM', 2);
    supervisor.stop('SIGTERM');
    expect(await supervisor.ended).toBe(137);
    expect(hows(events)).toEqual(['SIGKILL']);
  });

  test('while a process is about to be started again starts none', async () => {
    const { supervisor, events } = supervised(['exit=1'], {
      wait: (_, signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve());
          setImmediate(() => supervisor.stop('SIGTERM'));
        }),
    });
    expect(await supervisor.ended).toBe(0);
    expect(events.filter(({ kind }) => kind === 'started')).toHaveLength(1);
  });
});
