// @ts-check
// TensorFlow itself: an application that has penstock, @tensorflow/tfjs-node and -gpu installed runs models that Python
// has written, and gets what Python got.
//
// npm's packages download libtensorflow from a host of their own when they are installed. Here their binding is built
// against the libtensorflow inside Python's tensorflow-cpu instead, so that pip and npm are all that is needed. It has no
// CUDA: the -gpu package then computes on the CPU, and has to say so. The first download is 270 MB; 2.5 GB of disk are
// needed until the end.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installNewestLts } from '../../scripts/newest-lts.mjs';
import { ensure } from '../../scripts/services.mjs';
import { root, run, step, TOOLS } from '../../scripts/steps.mjs';
import { pip, skipped } from './python.mjs';

const TENSORFLOW = 'tensorflow-cpu==2.21.0';
const TFJS = '4.22.0';
const HERE = 'test/interop/tensorflow';
/** What native code says on loading would stand between the lines of the tests. */
const QUIET = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' };

/**
 * @param {string} python
 * @param {string} folder
 * @returns {Promise<import('../../scripts/steps.mjs').Counts>}
 */
export async function tensorflow(python, folder) {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return skipped(
      'tensorflow',
      `${process.platform} ${process.arch}: the wheel that it takes is one of Linux x64`,
    );
  }
  const compiler = await ensure('cxx');
  if ('reason' in compiler) return skipped('tensorflow', compiler.reason);
  const app = join(folder, 'app');
  mkdirSync(app);
  const nodes = [{ version: process.versions.node, node: process.execPath }];
  // What waits for the network goes side by side, and so does what then computes in one thread each.
  const [wheel, packages, newest] = await Promise.all([
    step('TensorFlow for Python', () => pip(python, ['--no-compile', TENSORFLOW])),
    step('an application with penstock and tfjs-node', () => installApp(folder, app)),
    step('newest LTS release of Node.js', () => addNewest(nodes, folder)),
  ]);
  if (!wheel || !packages) {
    const [installer, registry] = wheel ? ['npm', 'its registry'] : ['pip', 'PyPI'];
    return skipped(
      'tensorflow',
      `${installer} could not install what it takes: is ${registry} within reach?`,
    );
  }
  const models = join(folder, 'models');
  const [same, written, built] = await Promise.all([
    step('the SavedModel of the digits comes out as it is here', () => writesSame(python, folder)),
    step('models written by Python', () => run(python, [`${HERE}/models.py`, models], QUIET)),
    step('the binding of tfjs-node', () => buildBinding(python, compiler.path, app)),
  ]);
  const total = {
    passed: same ? 1 : 0,
    failed: [newest, same].filter((passed) => !passed).length,
    skipped: 0,
  };
  if (!written || !built) return { ...total, failed: total.failed + 1 };
  for (const { version, node } of nodes) {
    await step(`tests of tfjs-node on Node.js ${version}`, async () => {
      const counts = await test(node, app, models);
      total.passed += counts.passed;
      total.failed += counts.failed;
      total.skipped += counts.skipped;
      return counts.failed === 0;
    });
  }
  return total;
}

/**
 * The newest release with long-term support, where this Node is of another line.
 * @param {{ version: string, node: string }[]} nodes
 * @param {string} folder
 */
async function addNewest(nodes, folder) {
  try {
    const newest = await installNewestLts(folder);
    if (newest.version.split('.')[0] !== process.versions.node.split('.')[0]) nodes.push(newest);
    return true;
  } catch (error) {
    console.log(error instanceof Error ? error.message : error);
    return false;
  }
}

/**
 * Penstock as npm would publish it. The packages' own scripts, which would download, do not run.
 * @param {string} folder
 * @param {string} app
 */
async function installApp(folder, app) {
  writeFileSync(join(app, 'package.json'), '{ "private": true, "type": "module" }');
  if (!(await run(process.execPath, [TOOLS.tsc, '--build']))) return false;
  const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder];
  if (!(await run('npm', pack))) return false;
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'));
  if (tarball === undefined) return false;
  return run('npm', [
    ...['install', '--prefix', app, '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'],
    ...[join(folder, tarball), 'node-api-headers@1.9.0'],
    ...[`@tensorflow/tfjs-node@${TFJS}`, `@tensorflow/tfjs-node-gpu@${TFJS}`],
  ]);
}

/**
 * What `node-pre-gyp install --build-from-source` does, without node-gyp, which would download the headers of Node: the
 * binding needs those of Node-API only, and for the same reason one file does for every version of Node.
 * @param {string} python
 * @param {string} compiler
 * @param {string} app
 */
async function buildBinding(python, compiler, app) {
  const where = 'import importlib.util as u; print(u.find_spec("tensorflow").submodule_search_locations[0])';
  const library = spawnSync(python, ['-c', where], { encoding: 'utf8' }).stdout.trim();
  const packages = ['tfjs-node', 'tfjs-node-gpu'].map((name) => join(app, 'node_modules/@tensorflow', name));
  const targets = packages.map((folder) => join(folder, 'lib/napi-v8/tfjs_binding.node'));
  for (const folder of packages) {
    mkdirSync(join(folder, 'lib/napi-v8'), { recursive: true });
    mkdirSync(join(folder, 'deps'), { recursive: true });
    symlinkSync(library, join(folder, 'deps/lib'));
  }
  const [first = '', second = ''] = targets;
  const source = join(packages[0] ?? '', 'binding');
  const sources = readdirSync(source).filter((name) => name.endsWith('.cc'));
  const compiled = await run(compiler, [
    ...['-shared', '-fPIC', '-std=c++17', '-O1', '-DNAPI_VERSION=8'],
    ...['-I', join(app, 'node_modules/node-api-headers/include'), '-I', join(library, 'include')],
    ...sources.map((name) => join(source, name)),
    ...['-o', first, '-L', library, '-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2'],
    '-Wl,-rpath,$ORIGIN/../../deps/lib',
  ]);
  // The sources of both packages are the same.
  if (compiled) copyFileSync(first, second);
  return compiled;
}

/**
 * @param {string} python
 * @param {string} folder
 */
async function writesSame(python, folder) {
  const written = join(folder, 'digits');
  if (!(await run(python, ['native-models/digits/saved_model.py', written], QUIET))) return false;
  const ours = join(root, 'native-models/digits/saved-model');
  const names = ['saved_model.pb', 'variables/variables.index', 'variables/variables.data-00000-of-00001'];
  const different = names.filter(
    (name) => !readFileSync(join(written, name)).equals(readFileSync(join(ours, name))),
  );
  for (const name of different) console.log(`${name} differs`);
  return different.length === 0;
}

/**
 * @param {string} node
 * @param {string} app
 * @param {string} models
 */
async function test(node, app, models) {
  for (const name of ['tfjs-node.test.mjs', 'counts.mjs'])
    copyFileSync(join(root, HERE, name), join(app, name));
  const results = join(app, `counts-${Math.random()}.json`);
  const reporters = ['spec', 'stdout', join(app, 'counts.mjs'), results];
  const flags = reporters.map((value, i) => `--test-reporter${i % 2 === 0 ? '' : '-destination'}=${value}`);
  const tests = join(app, 'tfjs-node.test.mjs');
  const ended = await run(node, ['--expose-gc', ...flags, tests, root, models], QUIET);
  try {
    const counts = JSON.parse(readFileSync(results, 'utf8'));
    return { ...counts, failed: ended ? counts.failed : Math.max(counts.failed, 1) };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}
