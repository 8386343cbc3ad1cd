// @ts-check
// Programs from outside npm that some tests need. `ensure` finds them, and installs them where it may (root on
// Debian). A test reads the path from its environment and skips with a reason where there is none:
//   const spin = process.env.PENSTOCK_TEST_SPIN;
//   test('…', (context) => { context.skip(!spin, 'no spin'); … });
// Setting such a variable by hand points the tests to another program; setting it to nothing goes without.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * @typedef {object} Service
 * @property {string} name
 * @property {string} binary what is looked for in PATH; a file that is no program is given with its full path
 * @property {readonly string[]} packages Debian's names
 * @property {string} whatFor
 * @property {readonly string[]} [probe] arguments with which the binary succeeds only if it is of use
 * @property {string} [library] a shared library without which it is of no use
 */

/** @type {readonly Service[]} */
export const SERVICES = [
  { name: 'spin', binary: 'spin', packages: ['spin'], whatFor: 'checks the model of the slot protocol' },
  {
    name: 'gcc',
    binary: 'gcc',
    packages: ['gcc', 'libc6-dev'],
    whatFor: 'compiles the verifier that spin writes',
    // Debian's gcc comes without the headers of the C library.
    probe: ['-fsyntax-only', '-include', 'stdio.h', '-x', 'c', '/dev/null'],
  },
  {
    name: 'chromium',
    binary: 'chromium',
    packages: ['chromium'],
    whatFor: 'opens the pages of reports',
    probe: ['--version'],
  },
  {
    // A Vulkan driver that computes on the CPU. Tests hand its description to Vulkan's loader as VK_ICD_FILENAMES.
    name: 'swiftshader',
    binary: '/usr/lib/chromium/vk_swiftshader_icd.json',
    packages: ['chromium', 'libvulkan1'],
    library: 'libvulkan.so.1',
    whatFor: 'is a GPU in software, for tests of WebGPU',
  },
  {
    name: 'redis',
    binary: 'redis-server',
    packages: ['redis-server'],
    whatFor: 'keeps the queue of jobs',
    probe: ['--version'],
  },
];

/** What test/interop needs besides. @type {readonly Service[]} */
const INTEROP_SERVICES = [
  {
    name: 'python',
    binary: 'python3',
    packages: ['python3', 'python3-venv'],
    whatFor: 'writes and reads what Penstock reads and writes',
    // Debian's python3 comes without what virtual environments are made with.
    probe: ['-c', 'import ensurepip, venv'],
  },
  {
    name: 'cxx',
    binary: 'g++',
    packages: ['g++'],
    whatFor: 'compiles the binding of tfjs-node',
    probe: ['-fsyntax-only', '-include', 'vector', '-x', 'c++', '/dev/null'],
  },
];

/** @typedef {{ path: string } | { reason: string }} Availability */

/** @param {string} name */
export function variableOf(name) {
  return `PENSTOCK_TEST_${name.toUpperCase()}`;
}

/**
 * Where the service's program is, after installing it if need be, or why there is none.
 * @param {string} name
 * @returns {Promise<Availability>}
 */
export async function ensure(name) {
  const service = [...SERVICES, ...INTEROP_SERVICES].find((candidate) => candidate.name === name);
  if (service === undefined) throw new Error(`scripts/services.mjs has no service "${name}"`);
  const given = process.env[variableOf(name)];
  if (given === '') return { reason: `${variableOf(name)} is empty` };
  if (given !== undefined) {
    return works(given, service)
      ? { path: given }
      : { reason: `${variableOf(name)} is ${given}, which does not run` };
  }
  const found = find(service);
  if (found !== undefined) return { path: found };
  const refusal = whyNotInstall();
  const packages = service.packages.join(' ');
  if (refusal !== undefined) {
    return {
      reason: `${service.binary} is not installed and ${refusal}; on Debian: apt-get install ${packages}`,
    };
  }
  const failure = await install(service.packages);
  const installed = find(service);
  if (installed !== undefined) return { path: installed };
  return { reason: failure ?? `installing ${packages} brought no ${service.binary} that runs` };
}

/** @param {Service} service */
function find(service) {
  if (isAbsolute(service.binary)) return works(service.binary, service) ? service.binary : undefined;
  return (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, service.binary))
    .find((path) => works(path, service));
}

/**
 * @param {string} path
 * @param {Service} service
 */
function works(path, { binary, probe, library }) {
  try {
    accessSync(path, isAbsolute(binary) ? constants.R_OK : constants.X_OK);
    if (!statSync(path).isFile()) return false;
  } catch {
    return false;
  }
  if (library !== undefined && !isInstalled(library)) return false;
  return probe === undefined || spawnSync(path, probe, { stdio: 'ignore' }).status === 0;
}

/**
 * As the dynamic linker's cache has it; its program is not in everybody's PATH.
 * @param {string} library
 */
function isInstalled(library) {
  const { stdout } = spawnSync('ldconfig', ['-p'], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env.PATH}${delimiter}/sbin${delimiter}/usr/sbin` },
  });
  return stdout?.includes(`${library} `) ?? false;
}

function whyNotInstall() {
  if (spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status !== 0) return 'there is no apt-get';
  if (process.getuid?.() !== 0) return 'only root may install it';
  return undefined;
}

let listsAreFresh = false;

/**
 * @param {readonly string[]} packages
 * @returns {Promise<string | undefined>} what went wrong
 */
async function install(packages) {
  console.log(`installing ${packages.join(' ')}`);
  if (!listsAreFresh) {
    // Lists that failed to update may still do, so it is the installation that decides.
    listsAreFresh = (await aptGet(['update'])) === undefined;
  }
  return aptGet(['install', '--yes', '--no-install-recommends', ...packages]);
}

/**
 * @param {readonly string[]} args
 * @returns {Promise<string | undefined>} what went wrong, the third time
 */
async function aptGet(args) {
  const options = ['-q', '-o', 'DPkg::Lock::Timeout=120', '-o', 'Acquire::http::Timeout=30'];
  for (let attempt = 1; ; attempt++) {
    const { status, error, stderr } = spawnSync('apt-get', [...options, ...args], {
      encoding: 'utf8',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: 180_000,
    });
    if (status === 0) return undefined;
    const said = (error?.message ?? stderr.trim().split('\n').at(-1)) || `exit code ${status}`;
    const failure = `apt-get ${args[0]} failed: ${said}`;
    console.log(failure);
    if (attempt === 3) return failure;
    await sleep(attempt * 3_000);
  }
}
