import { describe, expect, test } from 'vitest';
import type { Fault, Seen } from '../helpers/object-server.mjs';
import { random } from '../helpers/random.js';
import { objectServer } from '../helpers/storage.js';
import { workspace } from '../helpers/workspace.js';
import { contentOf, FORMATS, SEED, simulated, Trial, tried, writeFiles } from './trial.js';

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

test.each(FORMATS)('storage that fails now and then, and is slow, changes no byte of %s', async (format) => {
  const { trial, server, content } = await onStorage(format, 30);
  const next = random(SEED);
  const survived: (() => void)[] = [];
  let stalls = 0;
  server.options.latencyMs = 5;
  server.options.fault = (seen) => {
    if (next() > 0.2) return undefined;
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
  expect(survived.length).toBeGreaterThan(5);
  for (const count of survived) count();
});

describe.each([
  ...[...READ_FAULTS, ['time-out', { stall: true }] as const].map(([name, fault]) => ({
    what: 'reading',
    name,
    fault,
    hits: (seen: Seen) => isRead(seen) && !isOutput(seen),
  })),
  ...WRITE_FAULTS.map(([name, fault]) => ({
    what: 'writing',
    name,
    fault,
    hits: (seen: Seen) => seen.method === 'PUT' && isOutput(seen),
  })),
])('storage that from some time on fails at $what ($name)', ({ what, name, fault, hits }) => {
  test('fails the job, which goes on once it answers again', async () => {
    const { trial, server, content } = await onStorage('arrow', 1);
    let committed = 0;
    server.options.fault = (seen) => {
      if (seen.method === 'PUT' && seen.path.startsWith(`${OUT}_manifest/part-`)) committed++;
      return committed >= 2 && hits(seen) ? fault : undefined;
    };
    const survived = tried(`storage: ${what} fails for good (${name})`);
    const ended = await trial.run().ended;
    server.options.fault = () => undefined;
    await trial.expectFailed(ended, /s3:\/\/data\//, content());
    await trial.expectDone(await trial.run().ended, content());
    survived();
  });
});
