import { join } from 'node:path';
import { loadServeConfig, startServer } from 'penstock';
import { afterAll, describe, expect, test } from 'vitest';
import { type Block, blocksOf, PAGES, placeOf } from './blocks.js';
import { type Playground, playground } from './playground.js';

const isShell = ({ language }: Block): boolean => language === 'sh';
const totals = { blocks: 0, run: 0, checked: 0 };
const notRun: string[] = [];

describe('every command of a page does what the page says, or tells why it is not run', () => {
  test.each(PAGES.filter((page) => blocksOf(page).some(isShell)))('%s', { timeout: 300_000 }, async (page) => {
    const ground = playground();
    for (const block of blocksOf(page)) {
      // Files come into being in the order in which a reader makes them.
      if (block.file !== undefined) ground.write(block.file, block.text);
      if (!isShell(block) || block.file !== undefined) continue;
      if (block.notRun === undefined) await run(ground, block);
      else {
        await ground.run(checks(block.text));
        notRun.push(`${placeOf(block)}: ${block.notRun}`);
      }
      totals.blocks++;
    }
    const { run: ran, checked } = ground.commands();
    totals.run += ran;
    totals.checked += checked;
  });

  afterAll(() => {
    console.log(
      `docs: ${totals.blocks} blocks of commands; of ours ${totals.run} commands ran, of ${totals.checked} that take long or ` +
        `install something the arguments were checked; not run: ${notRun.length}\n${notRun.map((line) => `  ${line}`).join('\n')}`,
    );
  });

  test('an option that there is not is found, also where the command is not run', async () => {
    const ground = playground();
    await expect(ground.run('npx penstock run job.yaml --jsn')).rejects.toThrow('unknown option');
    await expect(ground.run('penstock bench job.yaml --quik')).rejects.toThrow('unknown option');
    await expect(ground.run(checks('penstock run job.yaml --quik | tee log'))).rejects.toThrow('unknown option');
    await expect(ground.run('npm run nothing')).rejects.toThrow('no such script');
  });
});

async function run(ground: Playground, { text, server }: Block): Promise<void> {
  if (server === undefined) return ground.run(text);
  const set = ['listen.port=0', 'listen.grpcPort=0'];
  const running = await startServer(await loadServeConfig(join(ground.directory, server), { set }));
  try {
    await ground.run(text.replaceAll('http://127.0.0.1:8000', running.url));
  } finally {
    await running.close();
  }
}

/** Of commands that can't be run, those that are ours, as their options at least must be there: the shell looks at no more. */
function checks(text: string): string {
  const lines = text.replaceAll('\\\n', ' ').split('\n');
  const ours = lines.flatMap((line) => /\bpenstock ((?:run|bench|inspect|doctor|serve|stress|submit|worker|schema|demo)\b[^|;&#)>]*)/.exec(line)?.[1] ?? []);
  return ['true', ...ours.map((args) => `penstock-check ${args}`)].join('\n');
}
