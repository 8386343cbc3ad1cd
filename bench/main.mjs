// Do the claims about speed hold on this machine? `npm run bench`, `npm run bench -- NAME …`, with `--json` as figures.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { optionsOf } from '../scripts/options.mjs';
import { memcpySpeed } from './support/memcpy.mjs';
import { describe, formatTable } from './support/table.mjs';

/** In the order of the table. */
const BENCHES = [
  'handoff',
  'rate',
  'collate',
  'producers',
  'event-loop',
  'pipeline',
  'suites',
  'isolation',
  'loader',
  'memory',
  'remote',
  'parquet',
  'tune',
  'sink',
  'session',
  'simulated',
  'serve-engine',
  'serve-wire',
  'serve',
  'cluster',
];

/** A bench runs in a process of its own: none is measured with code that another one has warmed or spoiled. */
async function run(name) {
  const child = fork(fileURLToPath(import.meta.url), ['--child', name]);
  const exited = once(child, 'exit');
  const message = await Promise.race([once(child, 'message').then(([rows]) => rows), exited.then(() => [])]);
  const [code] = await exited;
  if (code !== 0) throw new Error(`bench ${name} ended with code ${code}`);
  return message;
}

const { values: options, positionals: names } = optionsOf({
  allowPositionals: true,
  options: { json: { type: 'boolean' }, child: { type: 'string' } },
});

if (options.child !== undefined) {
  const { measure } = await import(`./${options.child}.mjs`);
  process.send(await measure(), () => process.exit());
} else {
  const unknown = names.find((name) => !BENCHES.includes(name));
  if (unknown !== undefined) {
    console.error(`no bench ${unknown}; there are ${BENCHES.join(', ')}`);
    process.exit(2);
  }
  const rows = [];
  for (const name of names.length > 0 ? names : BENCHES) {
    const startedAt = performance.now();
    const measured = await run(name).catch((error) => {
      // An hour's figures are not thrown away for one bench that can't run.
      process.exitCode = 1;
      console.error(error.message);
      return [];
    });
    console.error(`${name}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
    // What is of interest only to those who ask this question alone.
    const wanted = measured.filter(({ detail }) => options.json || names.length > 0 || !detail);
    rows.push(...wanted.map((row) => ({ bench: name, ...row })));
  }
  const machine = {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    node: process.version,
    memcpy: memcpySpeed(),
  };
  if (options.json) console.log(JSON.stringify({ machine, rows: rows.map(describe) }, undefined, 2));
  else console.log(`\n${formatTable(machine, rows)}`);
}
