import { copyFileSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { workspace } from '../helpers/workspace.js';
import { expectClear, FILES, FORMATS, simulated, Trial, tried, writeFiles } from './trial.js';

/** Reading is a few files ahead of what is committed; the last ones are not opened when the first part is there. */
const slow = {
  model: { runtime: 'simulated', options: { batchMicros: 15_000 } },
  producers: 1,
  ring: { slots: 2 },
};

const changes = [
  ['removed', FORMATS[0], () => {}, /7\.arrow: can't be opened: there is no such file/, undefined],
  [
    'replaced',
    FORMATS[1],
    (last: string, kept: string) => writeFileSync(last, readFileSync(kept)),
    /7\.arrow: the file changed since it was listed/,
    /: holds the output of another job/,
  ],
  [
    'shortened',
    FORMATS[2],
    (last: string, kept: string) => {
      copyFileSync(kept, last);
      truncateSync(last, 5000);
    },
    /7\.arrow: the file changed since it was listed/,
    undefined,
  ],
] as const;

test.each(changes)(
  'an input file that is %s during a run fails it, and back in place it goes on',
  async (how, format, change, message, again) => {
    const at = workspace();
    const trial = new Trial((uri) => simulated(writeFiles(at('data')), { uri, format }, slow), at);
    await trial.reference();
    const last = at('data', `${FILES - 1}.arrow`);
    const run = trial.run();
    await trial.commits(1, run);
    const survived = tried(`input ${how}`);
    renameSync(last, at('kept'));
    change(last, at('kept'));
    await trial.expectFailed(await run.ended, message);
    if (again !== undefined) {
      // What is committed stays that of the other data.
      const refused = await trial.run().ended;
      expect(refused.code).toBeGreaterThan(0);
      expectClear(refused.stderr, again);
      await trial.expectIntact();
    }
    renameSync(at('kept'), last);
    await trial.resume();
    survived();
  },
);
