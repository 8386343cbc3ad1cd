import { afterEach, expect, test } from 'vitest';
import { CRASH, HANG, inTasks } from '../../cli/doctor-preload.js';
import { workspace } from '../../helpers/workspace.js';

type Isolated = typeof import('../../../src/job/doctor/isolated.js');
/** The built one: its child is a file on disk. */
const { isolated, describeFailure }: Isolated = await import(
  new URL('../../../dist/job/doctor/isolated.js', import.meta.url).href
);

const before = process.env.NODE_OPTIONS;
afterEach(() => {
  if (before === undefined) delete process.env.NODE_OPTIONS;
  else process.env.NODE_OPTIONS = before;
});

/** Code that every child with this task runs first. */
function preload(task: string, code: string): void {
  Object.assign(process.env, inTasks(workspace()('preload.mjs'), { [task]: code }));
}

test('a task answers out of a process of its own', async () => {
  const outcome = await isolated(30_000, 'package', 'zod');
  expect(outcome).toMatchObject({ kind: 'answered', answer: { kind: 'loaded' } });
  expect(await isolated(30_000, 'package', 'penstock-absent')).toMatchObject({ answer: { kind: 'absent' } });
});

test('a task that throws says why, in its first line', async () => {
  const outcome = await isolated(30_000, 'provider', 'nonsense');
  expect(outcome).toMatchObject({ kind: 'answered', answer: { kind: 'unbuilt' } });
  preload('gpus', "process.argv[2] = 'nothing'");
  const failed = await isolated(30_000, 'gpus');
  expect(failed.kind).toBe('failed');
  expect(describeFailure(failed, 1000)).toBe('task is not a function');
});

test('a task that hangs is ended when its time is up', async () => {
  preload('gpus', HANG);
  const startedAt = performance.now();
  const outcome = await isolated(1500, 'gpus');
  expect(outcome.kind).toBe('timed-out');
  expect(describeFailure(outcome, 1500)).toBe('it did not answer within 1.5 s');
  expect(performance.now() - startedAt).toBeLessThan(15_000);
});

test.skipIf(process.platform === 'win32')(
  'a task that crashes is told of with its last words; one that crashes on its way out has answered',
  async () => {
    preload('gpus', `console.error('the last words'); ${CRASH}`);
    const outcome = await isolated(30_000, 'gpus');
    expect(outcome).toMatchObject({ kind: 'crashed', signal: 'SIGSEGV', log: 'the last words\n' });
    preload('package zod', "process.on('exit', () => process.kill(process.pid, 'SIGSEGV'))");
    expect(await isolated(30_000, 'package', 'zod')).toMatchObject({ kind: 'answered' });
  },
);
