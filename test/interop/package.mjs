// @ts-check
// The package with npm and its registry: what TypeScript's users get of it (attw), a real installation into an empty
// project, its command line and library there on this Node.js and on the newest LTS release, and what the registry knows of
// vulnerabilities in what it brings along.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from '../../scripts/build.mjs';
import { installNewestLts } from '../../scripts/newest-lts.mjs';
import { root, step } from '../../scripts/steps.mjs';

const ATTW = '@arethetypeswrong/cli@0.18.5';
const FLAGS = ['--no-audit', '--no-fund', '--prefer-offline'];
/** As the tutorial says for machines without a GPU. */
const NO_CUDA = '--onnxruntime-node-install=skip';
const ROWS = 2000;

/** What a project does with the library, as a module and as CommonJS: the same lines behind two ways to get it. */
const LINES = `
async function main() {
  let rows = 0;
  const source = 'node_modules/penstock/examples/digits/digits.arrow';
  for await (const batch of createLoader({ source, batch: { size: 64 } })) {
    rows += batch.rows;
    batch.release();
  }
  if (rows !== ${ROWS}) throw new Error(rows + ' rows');
}
main();
`;
const PROGRAMS = {
  'main.mjs': `import { createLoader } from 'penstock';${LINES}`,
  'main.cjs': `const { createLoader } = require('penstock');${LINES}`,
};

/**
 * @param {string} _python not needed
 * @param {string} folder
 * @returns {Promise<import('../../scripts/steps.mjs').Counts>}
 */
export async function npmPackage(_python, folder) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  const check = async (
    /** @type {string} */ heading,
    /** @type {() => boolean | Promise<boolean>} */ action,
  ) => {
    const passed = await step(heading, action);
    total[passed ? 'passed' : 'failed']++;
    return passed;
  };
  const packed = await check('the package is packed', async () => {
    const args = ['pack', '--ignore-scripts', '--pack-destination', folder];
    return (await build()) && told('npm', args, root);
  });
  if (!packed) return total;
  const tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '');

  await check('types are found by every kind of resolution that there is for modules', () =>
    told('npx', ['--yes', ATTW, '--profile', 'esm-only', '--no-emoji', '--no-color', tarball], folder),
  );
  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "name": "project", "private": true }\n');
  const installed = await check('npm installs it into an empty project', () =>
    told('npm', ['install', ...FLAGS, NO_CUDA, tarball], project),
  );
  if (installed) {
    for (const [name, text] of Object.entries(PROGRAMS)) writeFileSync(join(project, name), text);
    for (const { version, node } of await nodes(folder)) {
      await check(`the command line runs a job there, on Node.js ${version}`, () => demo(node, project));
      for (const name of Object.keys(PROGRAMS)) {
        await check(`${name} uses the library there, on Node.js ${version}`, () =>
          told(node, [name], project),
        );
      }
    }
  }
  await step('known vulnerabilities', () => audit(total));
  return total;
}

/**
 * Runs a command; what it wrote is shown where it fails.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {string} cwd
 */
function told(program, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (status !== 0) console.log(`${stdout}${stderr}${error?.message ?? ''}`);
  return status === 0;
}

/** @param {string} folder */
async function nodes(folder) {
  const here = { version: process.versions.node, node: process.execPath };
  const scratch = join(folder, 'node');
  mkdirSync(scratch);
  try {
    const newest = await installNewestLts(scratch);
    return newest.version === here.version ? [here] : [here, newest];
  } catch (error) {
    console.log(`on Node.js ${here.version} alone: ${error instanceof Error ? error.message : error}`);
    return [here];
  }
}

/**
 * @param {string} node
 * @param {string} project
 */
function demo(node, project) {
  const { status, stdout, stderr } = spawnSync(
    'node_modules/.bin/penstock',
    ['demo', '--rows', `${ROWS}`, '--json'],
    {
      cwd: project,
      encoding: 'utf8',
      env: { ...process.env, PATH: `${dirname(node)}:${process.env.PATH}` },
    },
  );
  if (status !== 0) console.log(stderr);
  return status === 0 && JSON.parse(stdout).rows.written === ROWS;
}

/** @param {import('../../scripts/steps.mjs').Counts} total */
function audit(total) {
  const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { cwd: root, encoding: 'utf8' });
  const answer = parsed(stdout);
  const found = answer?.metadata?.vulnerabilities?.total;
  if (typeof found !== 'number') {
    // Mirrors of the registry answer no such questions.
    console.log(
      `nobody was asked: ${answer?.error?.summary || answer?.message || 'npm audit did not answer'}`,
    );
    total.skipped++;
    return true;
  }
  for (const { name, severity, range } of Object.values(answer.vulnerabilities)) {
    console.log(`${severity}: ${name} ${range}`);
  }
  total[found === 0 ? 'passed' : 'failed']++;
  return found === 0;
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
