import { expect, test } from 'vitest';
import type { Fault, Seen } from '../helpers/object-server.mjs';
import { random } from '../helpers/random.js';
import { objectServer } from '../helpers/storage.js';
import { workspace } from '../helpers/workspace.js';
import { contentOf, SEED, simulated, Trial, tried, writeFiles } from './trial.js';

const OUT = '/data/out/';
const isRead = ({ method, list }: Seen): boolean => method === 'GET' && !list;
const isOutput = ({ path }: Seen): boolean => path.startsWith(OUT);

/** A trial that reads from, and writes to, object storage whose answers are in the test's hands. */
async function onStorage(format: string, retries: number) {
  const at = workspace();
  const { server, url } = await objectServer({ now: Date.now });
  for (const [name, bytes] of contentOf(writeFiles(at('data')))) server.put(`/data/in/${name}`, bytes);
  const storage = { endpoint: url, allow_anonymous: true, timeout: 1, retries };
  const source = { uri: 's3://data/in', storage };
  const trial = new Trial(() => simulated('', { uri: 's3://data/out', storage, format }, { source }), at);
  await trial.reference();
  const content = () =>
    new Map(
      [...server.objects]
        .filter(([path]) => path.startsWith(OUT))
        .map(([path, { bytes }]) => [path.slice(OUT.length), Buffer.from(bytes)] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  return { trial, server, content };
}

type Named = readonly [string, Fault];

const READ_FAULTS: readonly Named[] = [
  ['503', { status: 503 }],
  ['reset', { reset: true }],
  ['cut off', { cut: true }],
  ['wrong length', { short: true }],
];
const WRITE_FAULTS: readonly Named[] = [
  ['503', { status: 503 }],
  ['reset', { reset: true }],
  ['answer lost', { lost: true }],
];

test('storage that fails now and then, and is slow, changes no byte', async () => {
  const { trial, server, content } = await onStorage('parquet', 30);
  const next = random(SEED);
  const survived: (() => void)[] = [];
  let stalls = 0;
  server.options.latencyMs = 5;
  server.options.fault = (seen) => {
    if (next() > 0.4) return undefined;
    const faults = isRead(seen) && !isOutput(seen) ? READ_FAULTS : WRITE_FAULTS;
    let [name, fault] = faults[Math.floor(next() * faults.length)] as Named;
    // A time-out takes a second.
    if (isRead(seen) && !isOutput(seen) && stalls++ === 0) [name, fault] = ['time-out', { stall: true }];
    survived.push(tried(`storage: ${name}, now and then`));
    return fault;
  };
  const ended = await trial.run().ended;
  server.options.fault = () => undefined;
  await trial.expectDone(ended, content());
  expect(survived.length).toBeGreaterThan(10);
  for (const count of survived) count();
});

const isLast = ({ path }: Seen): boolean => /(in\/|part-0000)7\.arrow$/.test(path);

test.each([
  { what: 'reads', faults: [...READ_FAULTS, ['time-out', { stall: true }] as const], hits: isRead },
  { what: 'writes', faults: WRITE_FAULTS, hits: ({ method }: Seen) => method === 'PUT' },
])(
  'storage where $what of one object fail for good fails the job, again and again, which goes on once they work',
  async ({ what, faults, hits }) => {
    const { trial, server, content } = await onStorage('arrow', 1);
    let committed = false;
    for (const [name, fault] of faults) {
      server.options.fault = (seen) => {
        // First in the middle of a run, then from the beginning.
        committed ||= seen.method === 'PUT' && seen.path.startsWith(`${OUT}_manifest/part-`);
        return committed && isLast(seen) && hits(seen) ? fault : undefined;
      };
      const survived = tried(`storage: ${what} fail for good (${name})`);
      await trial.expectFailed(
        await trial.run().ended,
        /: s3:\/\/data\/(in\/7|out\/part-00007)\.arrow: /,
        content(),
      );
      survived();
    }
    server.options.fault = () => undefined;
    await trial.expectDone(await trial.run().ended, content());
  },
);
