import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { repository } from '../cli/penstock.js';
import { blocksOf, PAGES } from './blocks.js';
import { playground } from './playground.js';
import { checksOf, runPage } from './run-page.js';

/** Pages whose commands are run by a test that also looks at what comes of them. */
const LOOKED_AT: Readonly<Record<string, string>> = {
  'examples/embeddings/README.md': 'test/examples/embeddings.test.ts',
  'examples/image-folder/README.md': 'test/examples/image-folder.test.ts',
  'examples/nightly/README.md': 'test/examples/nightly.test.ts',
  'examples/serve/README.md': 'test/examples/serve.test.ts',
};

const pages = PAGES.filter(
  (page) => !(page in LOOKED_AT) && blocksOf(page).some(({ language }) => language === 'sh'),
);
const totals = { blocks: 0, run: 0, checked: 0 };
const notRun: string[] = [];

test.each(pages)('the commands of %s run', { timeout: 300_000 }, async (page) => {
  const ground = playground();
  const outcome = await runPage(page, ground);
  const commands = ground.commands();
  totals.blocks += outcome.blocks;
  totals.run += commands.run;
  totals.checked += commands.checked;
  notRun.push(...outcome.notRun);
});

afterAll(() => {
  console.log(
    `docs: ${totals.blocks} blocks of commands. Of ours, ${totals.run} commands ran; of ${totals.checked} that take long, ` +
      `install something or can't be run here the arguments were checked. ${notRun.length} blocks were not run:\n` +
      notRun.map((line) => `  ${line}`).join('\n'),
  );
});

test('pages that are left out here are run elsewhere', () => {
  for (const [page, file] of Object.entries(LOOKED_AT)) {
    expect(PAGES).toContain(page);
    expect(existsSync(join(repository, file)), file).toBe(true);
  }
});

test('an option that there is not is found, also where a command is only looked at', async () => {
  const ground = playground();
  await expect(ground.run('npx penstock run job.yaml --jsn')).rejects.toThrow('unknown option');
  await expect(ground.run('penstock bench job.yaml --quik')).rejects.toThrow('unknown option');
  await expect(ground.run('penstock bench nothing.yaml')).rejects.toThrow('nothing.yaml');
  await expect(ground.run(checksOf('penstock run job.yaml --quik | tee log'))).rejects.toThrow(
    'unknown option',
  );
  await expect(ground.run('npm run nothing')).rejects.toThrow('no such script');
});
