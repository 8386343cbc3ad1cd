// @ts-check
// Vitest's V8 coverage, with what it does not see by itself: the threads and the commands that tests start. Node writes
// their coverage where NODE_V8_COVERAGE says (https://nodejs.org/api/cli.html#node_v8_coveragedir), and it is read here.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import v8 from '@vitest/coverage-v8';
import { root } from '../steps.mjs';

const BUILT = `${pathToFileURL(join(root, 'dist'))}/`;
/** Where processes and threads leave their coverage: scripts/coverage.mjs makes it. */
const LEFT = process.env.PENSTOCK_COVERAGE;

/** @typedef {{ url: string, functions: object[] }} Script */

export default {
  ...v8,

  /** In a process of tests, before its first one. @param {{ isolate?: boolean }} options */
  startCoverage(options) {
    // Not of this process itself, which vitest asks.
    if (LEFT !== undefined) process.env.NODE_V8_COVERAGE = LEFT;
    // @ts-expect-error -- vitest's type leaves out what is passed on
    return v8.startCoverage(options);
  },

  async getProvider() {
    // Its types call private what is meant here.
    const provider = /** @type {any} */ (await v8.getProvider());

    const readCoverageFiles = provider.readCoverageFiles.bind(provider);
    /** @param {{ onFileRead(coverage: { result: Script[] }): void, onFinished(project: unknown, environment: string): Promise<void> }} callbacks */
    provider.readCoverageFiles = async (callbacks) => {
      await readCoverageFiles(callbacks);
      if (LEFT === undefined) return;
      for (const name of await readdir(LEFT)) {
        const result = (await scriptsOf(join(LEFT, name))).filter(({ url }) => url.startsWith(BUILT));
        if (result.length > 0) callbacks.onFileRead({ result });
      }
      await callbacks.onFinished(provider.ctx.getRootProject(), 'ssr');
    };

    const getSources = provider.getSources.bind(provider);
    /**
     * What tsc built ran as it is, and not as vite would make it.
     * @param {string} url
     * @param {unknown[]} rest
     */
    provider.getSources = async (url, ...rest) => {
      if (!url.startsWith(BUILT)) return getSources(url, ...rest);
      const file = fileURLToPath(url);
      const map = JSON.parse(await readFile(`${file}.map`, 'utf8'));
      const sources = map.sources.map((/** @type {string} */ source) => new URL(source, url).href);
      return { code: await readFile(file, 'utf8'), map: { ...map, sources } };
    };
    return provider;
  },
};

/**
 * @param {string} file
 * @returns {Promise<Script[]>} none where its process was killed while it wrote
 */
async function scriptsOf(file) {
  try {
    return JSON.parse(await readFile(file, 'utf8')).result;
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}
