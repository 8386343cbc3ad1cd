import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './process.mjs';

const script = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

/** Runs one peer at one case in a process of its own; returns what it measured. Rejects with the reason where it can't. */
export async function measure(peer, one, { cache, data, environments, seconds, limitSeconds }) {
  const program =
    peer.environment === undefined ? process.execPath : await environments.python(peer.environment);
  if (peer.environment === 'mosaicml') await data.writeMds(one.kind);
  // Short, since names of sockets are made of it.
  const folder = mkdtempSync(join(tmpdir(), 'peer-'));
  try {
    const output = join(folder, 'out');
    mkdirSync(output);
    const { columnSums, ...about } = data.about(one.kind);
    const copies = Math.max(1, Math.min(one.copies, Math.floor((peer.mostRows ?? Infinity) / about.rows)));
    const spec = {
      ...one,
      copies,
      ...about,
      ...data.model(one.kind),
      scale: one.mode === 'end-to-end' ? data.model(one.kind).scale : null,
      rows: about.rows * copies,
      files: data.files(one.kind, one.format, copies),
      arrowStream: data.arrowStream(one.kind),
      mds: data.mds(one.kind),
      workers: peer.workers ?? 0,
      variant: peer.variant ?? null,
      settleSeconds: 0.25,
      seconds: Math.max(seconds, peer.leastSeconds ?? 0),
      output,
    };
    const [specPath, resultPath] = [join(folder, 'case.json'), join(folder, 'result.json')];
    writeFileSync(specPath, JSON.stringify(spec));
    const result = await resultOf(program, [script(peer.script), specPath, resultPath], {
      limitSeconds,
      env: environmentOf({ cache, folder }),
    });
    if (one.mode === 'check') expectSums(result, { rows: spec.rows, columnSums }, 0);
    if (one.mode === 'end-to-end') result.output = await outputOf(output, spec, environments);
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What a peer wrote counts, even where it falls over its own threads on its way out. */
async function resultOf(program, args, options) {
  const path = args.at(-1);
  try {
    await run(program, args, options);
  } catch (error) {
    if (!existsSync(path)) throw error;
  }
  return JSON.parse(readFileSync(path, 'utf8'));
}

function environmentOf({ cache, folder }) {
  return {
    TMPDIR: folder,
    PYTHONPYCACHEPREFIX: join(cache, 'pycache'),
    // Nobody asks a server for anything.
    HF_HUB_OFFLINE: '1',
    HF_HOME: join(cache, 'hugging-face'),
    RAY_USAGE_STATS_ENABLED: '0',
  };
}

/** What was written, of one copy. */
async function outputOf(folder, { rows, copies }, environments) {
  const python = await environments.python('pyarrow');
  const written = JSON.parse(await run(python, [script('python/check_output.py'), folder]));
  if (written.rows !== rows) throw new Error(`wrote ${written.rows} rows of ${rows}`);
  return { rows: rows / copies, columnSums: written.columnSums.map((sum) => sum / copies) };
}

/** @throws Error where rows or sums differ by more than the `tolerance`, relative to the largest sum */
export function expectSums(found, expected, tolerance) {
  if (found.rows !== expected.rows) throw new Error(`read ${found.rows} rows of ${expected.rows}`);
  const largest = Math.max(...expected.columnSums.map(Math.abs));
  const wrong = expected.columnSums.findIndex(
    (sum, i) => !(Math.abs(found.columnSums[i] - sum) <= tolerance * largest),
  );
  if (wrong >= 0) {
    const [is, should] = [found.columnSums[wrong], expected.columnSums[wrong]];
    throw new Error(`column ${wrong} adds up to ${is}, not ${should}`);
  }
}
