import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { workspace } from '../helpers/workspace.js';
import { FORMATS, simulated, Trial, tried, writeFiles } from './trial.js';

const DYING = new URL('../system/fixtures/dying.mjs', import.meta.url).href;
const HOARD = fileURLToPath(new URL('./fixtures/hoard.mjs', import.meta.url));

test.each([
  ['ends', 'exit', FORMATS[0]],
  ['runs out of memory', 'memory', FORMATS[1]],
])(
  'a producer that %s is replaced, and the outputs are those of an undisturbed run',
  async (_, how, format) => {
    const at = workspace();
    const trial = new Trial(
      (uri) => simulated(writeFiles(at('data')), { uri, format }, { producers: 2 }),
      at,
    );
    mkdirSync(at('deaths'));
    const survived = tried(`a producer dies (${how})`);
    const run = trial.run({
      NODE_OPTIONS: `--max-old-space-size=128 --import=${DYING}`,
      PENSTOCK_TEST_DEATHS: at('deaths'),
      PENSTOCK_TEST_HOW: how,
      PENSTOCK_TEST_AT: '3',
      PENSTOCK_TEST_LIMIT: '2',
    });
    await trial.expectDone(await run.ended);
    expect(readdirSync(at('deaths'))).toHaveLength(2);
    survived();
  },
);

test('a transform that takes more memory than there is fails the job, which goes on where there is enough', async () => {
  const at = workspace();
  const data = writeFiles(at('data'));
  const trial = new Trial((uri) => simulated(data, { uri }, { transform: HOARD, producers: 1 }), at);
  writeFileSync(at('hoard'), '');
  const survived = tried('out of memory in a transform');
  const run = trial.run({ NODE_OPTIONS: '--max-old-space-size=96', PENSTOCK_TEST_HOARD: at('hoard') });
  await trial.expectFailed(await run.ended, /4\.arrow: the thread that reads .* failed 3 times/);
  rmSync(at('hoard'));
  await trial.resume();
  survived();
});
