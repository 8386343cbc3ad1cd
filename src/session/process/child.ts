import { deserialize } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { toRecord } from '../../util/errors.js';
import { loadSession } from '../load.js';
import type { Session, TensorView } from '../types.js';
import { receive, receiveInto, send } from './child-socket.js';
import { InheritedMemory } from './memory.js';
import { type BatchRequest, bytesIn, Descriptor, placesOf, type Request, viewAt } from './protocol.js';

/*
 * A session's process. Between requests it sleeps, and nothing else lives here. It ends when its parent kills it, which
 * the parent does when all is done, or when its parent is gone.
 */

/** Where the tensors of a batch lie: memory of so many bytes or more, the same as long as it is large enough. */
type Area = (bytes: number) => ArrayBuffer;

interface Batch {
  readonly kind: BatchRequest['kind'];
  readonly inputs: readonly TensorView[];
  readonly outputs: readonly TensorView[];
}

/** Shapes of batches whose views are kept at most: those of full ones, and the partly filled of late. */
const KEPT = 64;

/** Makes views of the batches that requests describe. */
class Batches {
  readonly #area: Area;
  #buffer: ArrayBuffer | undefined;
  /** By the request as it came, which need not even be read again; and a session keeps what it has made of a view. */
  readonly #kept = new Map<string, Batch>();

  constructor(area: Area) {
    this.#area = area;
  }

  kept(message: Buffer): Batch | undefined {
    return this.#kept.get(message.toString('latin1'));
  }

  made(message: Buffer, request: BatchRequest): Batch {
    const { kind, inputs, outputs } = request;
    const tensors = [...inputs, ...outputs];
    const { offsets, bytes } = placesOf(tensors);
    const buffer = this.#area(bytes);
    if (buffer !== this.#buffer || this.#kept.size >= KEPT) this.#kept.clear();
    this.#buffer = buffer;
    const views = tensors.map((tensor, i) => viewAt(tensor, buffer, offsets[i] as number));
    const batch = { kind, inputs: views.slice(0, inputs.length), outputs: views.slice(inputs.length) };
    this.#kept.set(message.toString('latin1'), batch);
    return batch;
  }
}

function privateArea(): Area {
  let buffer = new ArrayBuffer(0);
  return (bytes) => {
    if (buffer.byteLength < bytes) buffer = new ArrayBuffer(bytes);
    return buffer;
  };
}

interface Served {
  readonly session: Session;
  readonly batches: Batches;
  readonly sharesMemory: boolean;
}

async function load({ spec, sharesMemory }: Extract<Request, { kind: 'load' }>): Promise<Served> {
  const memory = sharesMemory ? await InheritedMemory.open(Descriptor.memory) : undefined;
  const session = await loadSession({ ...spec, isolation: 'thread' });
  const { inputs, outputs, device, warnings } = session;
  send({ kind: 'loaded', info: { inputs, outputs, device, warnings } });
  const area: Area = memory === undefined ? privateArea() : (bytes) => memory.area(bytes);
  return { session, batches: new Batches(area), sharesMemory };
}

async function serve({ session, batches, sharesMemory }: Served): Promise<void> {
  const message = receive();
  const kept = batches.kept(message);
  if (kept !== undefined) return run(session, kept, sharesMemory);
  const request = deserialize(message) as Exclude<Request, { kind: 'load' }>;
  if (request.kind !== 'close') return run(session, batches.made(message, request), sharesMemory);
  await orFail(async () => {
    await session.close();
    send({ kind: 'closed' });
  });
}

async function run(session: Session, { kind, inputs, outputs }: Batch, sharesMemory: boolean): Promise<void> {
  if (!sharesMemory) for (const { data } of inputs) receiveInto(bytesIn(data));
  await orFail(async () => {
    if (kind === 'outputDims') {
      send({ kind: 'outputDims', dims: await session.outputDims(inputs) });
    } else {
      await session.run(inputs, outputs);
      send({ kind: 'ran' }, sharesMemory ? [] : outputs.map(({ data }) => bytesIn(data)));
    }
  });
}

/** What the session refuses is an answer too. */
async function orFail<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    send({ kind: 'failed', error: toRecord(error) });
    return undefined;
  }
}

// The parent says when it is over: a terminal's Ctrl-C reaches all its processes, and there are batches to be finished.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
// What is preloaded into programs from the command line has no business there.
new Worker(new URL('./watchdog.js', import.meta.url), { execArgv: [] }).unref();

const served = await orFail(() => load(deserialize(receive()) as Extract<Request, { kind: 'load' }>));
while (served !== undefined) await serve(served);
