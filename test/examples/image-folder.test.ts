import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { playground } from '../docs/playground.js';
import { runPage } from '../docs/run-page.js';

test('the example of a folder names nearly all digits right, and puts the broken file aside with its reason', async () => {
  const ground = playground();
  await runPage('examples/image-folder/README.md', ground);
  const out = join(ground.directory, 'examples/image-folder/out');
  expect(readdirSync(out)).toContain('_SUCCESS');
  const letters = readdirSync(join(out, '_dead_letters')).flatMap((name) =>
    readFileSync(join(out, '_dead_letters', name), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  );
  expect(letters).toHaveLength(1);
  expect(letters[0].values.path).toMatch(/broken\.png$/);
  expect(letters[0].reason).toMatch(/unsupported image format/);
  const { stdout } = await ground.run('node examples/image-folder/show.mjs');
  const [, images, right] = /^(\d+) images, (\d+) named right$/m.exec(stdout) ?? [];
  expect(Number(images)).toBe(200);
  // 98.9 % of all digits; JPEG takes a little.
  expect(Number(right)).toBeGreaterThan(190);
});
