import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { expect, onTestFinished, type TestContext, test } from 'vitest';
import { workspace } from '../helpers/workspace.js';
import { simulated, Trial, tried, writeFiles } from './trial.js';

/** On a busy machine what happens in the middle takes its time. */
const SLOW = { model: { runtime: 'simulated', options: { batchMicros: 25_000 } } };

function mount(...args: readonly string[]): { readonly mounted: boolean; readonly text: string } {
  const { status, stderr, error } = spawnSync('mount', args, { encoding: 'utf8' });
  return { mounted: status === 0, text: (error?.message ?? stderr).trim() };
}

/** A trial whose output has a file system of its own, as small as that. Skips where there can be none. */
function onDisk({ skip }: TestContext, size: string, format: string): Trial {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    skip('only root of a Linux system mounts disks');
  const at = workspace();
  const disk = at('disk');
  mkdirSync(disk);
  const { mounted, text } = mount('-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk);
  // A container may not be allowed to; on CI that must not go unnoticed.
  if (!mounted && process.env.CI !== 'true') skip(`no disk can be mounted: ${text}`);
  expect(mounted, text).toBe(true);
  onTestFinished(() => void spawnSync('umount', ['--lazy', disk]));
  return new Trial((uri) => simulated(writeFiles(at('data')), { uri, format }, SLOW), at, at('disk', 'out'));
}

test('a disk that is full fails the job, which goes on once there is space', async (context) => {
  // Each part takes more than 32 KiB, and so two of them fit.
  const trial = onDisk(context, '112k', 'parquet');
  const survived = tried('disk full');
  await trial.expectFailed(await trial.run().ended, /: the disk is full\n {2}Free some space/);
  expect(mount('-o', 'remount,size=16m', trial.at('disk')).text).toBe('');
  await trial.resume();
  survived();
});

test('a disk that becomes read-only in the middle fails the job, which goes on once it is writable', async (context) => {
  const trial = onDisk(context, '16m', 'arrow');
  const run = trial.run();
  await trial.commits(2, run);
  const survived = tried('output becomes read-only');
  // Refused while a file is being written: the next moment none is.
  while (!mount('-o', 'remount,ro', trial.at('disk')).mounted) expect(run.child.exitCode).toBe(null);
  await trial.expectFailed(await run.ended, /: can't be written: the file system is read-only\n {2}Make the/);
  expect(mount('-o', 'remount,rw', trial.at('disk')).text).toBe('');
  await trial.resume();
  survived();
});

test('an output directory that is moved away in the middle fails the job, which makes it again', async () => {
  const at = workspace();
  const trial = new Trial((uri) => simulated(writeFiles(at('data')), { uri }, SLOW), at);
  const run = trial.run();
  await trial.commits(2, run);
  const survived = tried('output directory moved away');
  renameSync(trial.out, at('away'));
  await trial.expectFailed(await run.ended, /: can't be written: its directory is gone/);
  await trial.resume();
  survived();
});
