import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { playground } from '../docs/playground.js';
import { runPage } from '../docs/run-page.js';

test('the nightly example does each day once, and goes on with what is missing', async () => {
  const ground = playground();
  await runPage('examples/nightly/README.md', ground);
  const folder = join(ground.directory, 'examples/nightly');
  const bytesOf = (day: string) =>
    readdirSync(join(folder, 'out', day))
      .filter((name) => name.endsWith('.parquet'))
      .map((name) => readFileSync(join(folder, 'out', day, name)));
  const report = (day: string) => JSON.parse(readFileSync(join(folder, 'reports', `${day}.json`), 'utf8'));
  expect(readdirSync(join(folder, 'out'))).toEqual(['2026-11-26', '2026-11-27']);
  const before = bytesOf('2026-11-27');

  // As if the second day had been cut off after its first part.
  rmSync(join(folder, 'out/2026-11-27/_SUCCESS'));
  rmSync(join(folder, 'out/2026-11-27/part-00001.parquet'));
  await ground.run('node examples/nightly/make-day.mjs 2026-11-28');
  const { stdout } = await ground.run('sh examples/nightly/nightly.sh');
  expect(stdout).toBe('2026-11-27: done\n2026-11-28: done\n');
  expect(report('2026-11-27').rows).toEqual({ read: 250, written: 250, deadLettered: 0, resumed: 250 });
  expect(bytesOf('2026-11-27')).toEqual(before);

  // All is done.
  expect((await ground.run('sh examples/nightly/nightly.sh')).stdout).toBe('');
});

test('the nightly example says that the night is over, and that a day failed', async () => {
  const ground = playground();
  await ground.run('node examples/nightly/make-day.mjs 2026-11-26');
  await ground.run('NIGHT=0 sh examples/nightly/nightly.sh || test $? -eq 130');
  const { stdout } = await ground.run(
    'echo nonsense > examples/nightly/days/2026-11-26/part-1.arrow; sh examples/nightly/nightly.sh || test $? -eq 1',
  );
  expect(stdout).toMatch(/^2026-11-26: failed with exit code 1: /);
});
