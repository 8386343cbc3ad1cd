// @ts-check
// `npm test`: build, types, lint, rooms and vitest, to which arguments are handed on: `npm test -- test/ring`.
//
// A failed build ends it, since everything after it would fail for the same reason; the other steps all run, so that
// one run shows all there is to repair. The last line counts tests; a step other than vitest counts as one failed
// when it fails and as nothing when it passes.
import { build } from './build.mjs';
import { finish, isCi, run, startServices, step, TOOLS, vitest } from './steps.mjs';

const node = process.execPath;
const biome = [TOOLS.biome, isCi ? 'ci' : 'check', '.'];
// On CI it colours each letter by itself even into a file, whatever NO_COLOR says.
if (!process.stdout.isTTY) biome.push('--colors=off');

async function main() {
  if (!(await step('build', build))) {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const checks = [
    await step('types of tests and scripts', () => run(node, [TOOLS.tsc, '--project', 'tsconfig.test.json'])),
    await step('lint', () => run(node, biome)),
    await step('rooms', () => run(node, [TOOLS.depcruise, 'src', '--output-type', 'err-long'])),
  ];
  let counts = { passed: 0, failed: 0, skipped: 0 };
  /** @type {Record<string, string>} */
  let env = {};
  checks.push(
    await step('services', async () => {
      const services = await startServices();
      env = services.env;
      return services.missing === 0 || !isCi;
    }),
  );
  await step('tests', async () => {
    counts = await vitest(node, process.argv.slice(2), env);
    return counts.failed === 0;
  });
  return { ...counts, failed: counts.failed + checks.filter((passed) => !passed).length };
}

finish(await main());
