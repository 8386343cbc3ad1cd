import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './process.mjs';

const REQUIREMENTS = fileURLToPath(new URL('../python/requirements/', import.meta.url));
const OVERRIDES = join(REQUIREMENTS, 'overrides.txt');
const UV = 'uv==0.13.9';
/** Nothing younger is installed: this pins what the pinned packages themselves require. */
const EXCLUDE_NEWER = '2026-11-24';

/**
 * Python environments below `cache`, one for each file in python/requirements, made where it is not there yet. Files that
 * are the same in several are hard links to one copy.
 */
export class Environments {
  #cache;
  #python;
  #torchIndex;
  #log;
  #made = new Map();
  #tool;

  constructor({ cache, python, torchIndex, log }) {
    this.#cache = cache;
    this.#python = python;
    this.#torchIndex = torchIndex;
    this.#log = log;
  }

  /** The path of its Python. Rejects with the reason where it can't be installed, every time it is asked for. */
  python(name) {
    if (!this.#made.has(name)) this.#made.set(name, this.#make(name));
    return this.#made.get(name);
  }

  async #make(name) {
    const requirements = join(REQUIREMENTS, `${name}.txt`);
    const folder = join(this.#cache, 'environments', name);
    const stamp = join(folder, 'installed.txt');
    const wanted = [this.#torchIndex ?? '', readFileSync(OVERRIDES), readFileSync(requirements)].join('\n');
    const python = join(folder, 'bin', 'python');
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return python;
    this.#log(`installing ${name} …`);
    this.#tool ??= this.#makeTool();
    const uv = await this.#tool;
    rmSync(folder, { recursive: true, force: true });
    const options = {
      env: { UV_CACHE_DIR: join(this.#cache, 'uv'), UV_HTTP_TIMEOUT: '300' },
      limitSeconds: 1800,
    };
    await run(uv, ['venv', '--quiet', '--python', this.#python, folder], options);
    const install = (...args) => run(uv, ['pip', 'install', '--quiet', '--python', python, ...args], options);
    const torch = wanted.match(/^torch==.*$/m)?.[0];
    // Its wheels for the CPU alone are on an index of its own, and a tenth of the size.
    if (torch !== undefined && this.#torchIndex !== undefined) {
      await install('--index-url', this.#torchIndex, '--overrides', OVERRIDES, torch);
    }
    await install('--exclude-newer', EXCLUDE_NEWER, '--overrides', OVERRIDES, '--requirements', requirements);
    writeFileSync(stamp, wanted);
    return python;
  }

  async #makeTool() {
    const folder = join(this.#cache, 'uv-tool');
    const uv = join(folder, 'bin', 'uv');
    if (existsSync(uv)) return uv;
    mkdirSync(this.#cache, { recursive: true });
    await run(this.#python, ['-m', 'venv', folder]);
    await run(join(folder, 'bin', 'pip'), ['install', '--quiet', UV]);
    return uv;
  }
}
