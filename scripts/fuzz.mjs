// @ts-check
// `npm run fuzz -- --minutes N`: reads damaged files, and sends wrong requests, for so long, with a seed that it prints.
// `npm run fuzz -- --seed S --case C`: one case again, as a failure printed it.
// `--only files`, or `--only requests`.
import { build } from './build.mjs';
import { optionsOf } from './options.mjs';
import { run, TOOLS } from './steps.mjs';

const { values } = optionsOf({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    case: { type: 'string' },
    only: { type: 'string' },
  },
});
const KINDS = { files: 'test/fuzz', requests: 'test/serve/fuzz' };
if (values.only !== undefined && !Object.hasOwn(KINDS, values.only)) {
  console.error(`--only ${values.only}: expected ${Object.keys(KINDS).join(' or ')}`);
  process.exit(2);
}
const minutes = values.case === undefined ? (values.minutes ?? '5') : '0';
const seed = values.seed ?? String(Date.now() % 1_000_000);
console.log(`--seed ${seed}`);
/** @type {Record<string, string>} */
const env = { PENSTOCK_FUZZ_MINUTES: minutes, PENSTOCK_FUZZ_SEED: seed };
if (values.case !== undefined) env.PENSTOCK_FUZZ_CASE = values.case;
Object.assign(process.env, env);

const node = process.execPath;
const tests = Object.entries(KINDS)
  .filter(([kind]) => (values.only ?? kind) === kind)
  .map(([, path]) => path);
const built = await build();
process.exitCode = built && (await run(node, [TOOLS.vitest, 'run', ...tests])) ? 0 : 1;
