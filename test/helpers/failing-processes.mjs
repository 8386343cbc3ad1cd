// Preloaded into every process, it makes those of sessions fail, as a driver may: at loading the model, or at a batch that
// holds a certain number. PENSTOCK_TEST_FAILURES is a folder; each failure leaves a file there named after its process,
// so that no more than _LIMIT happen in all processes.
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';

const {
  PENSTOCK_TEST_FAILURES: folder,
  PENSTOCK_TEST_HOW: how,
  PENSTOCK_TEST_AT: at,
  PENSTOCK_TEST_LIMIT: limit,
} = process.env;

const ways = {
  crash: () => process.kill(process.pid, 'SIGSEGV'),
  exit: () => {
    console.error('a library says why');
    process.exit(7);
  },
  hang: () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0),
};

function fail() {
  const failures = readdirSync(folder).length;
  if (failures >= Number(limit)) return;
  writeFileSync(join(folder, `${failures}-${process.pid}`), '');
  ways[how]();
}

if (isMainThread && folder !== undefined && process.argv[1]?.endsWith(join('process', 'child.js'))) {
  const { InferenceSession } = await import('onnxruntime-node');
  const create = InferenceSession.create.bind(InferenceSession);
  InferenceSession.create = async (...args) => {
    if (at === 'load') fail();
    const session = await create(...args);
    const run = session.run.bind(session);
    session.run = (feeds, ...rest) => {
      const values = Object.values(feeds).flatMap(({ data }) => [...data]);
      if (at === 'run' || values.includes(Number(at))) fail();
      return run(feeds, ...rest);
    };
    return session;
  };
}
