import { parentPort, workerData } from 'node:worker_threads';
import { DeviceLedger } from '../../clock/device-ledger.js';
import { now } from '../../clock/now.js';
import { loadSession } from '../../session/load.js';
import type { ModelTensor, Session, SessionSpec, TensorView } from '../../session/types.js';
import { arrayOf, sizeOf } from '../../util/dtype.js';
import { asPenstockError, DeviceError, messageOf, toRecord } from '../../util/errors.js';
import type { WireTensor } from '../types.js';
import { textView } from './text-view.js';
import type { Order, Reply } from './types.js';

/*
 * The thread of a model that is served point to point: one request, one run, in the order in which they came. The queue is
 * the port's.
 */

if (parentPort === null) throw new Error('this module is the entry of a thread');
const port = parentPort;

const reply = (message: Reply): void => {
  const outputs = message.kind === 'done' ? message.outputs : [];
  port.postMessage(
    message,
    outputs.flatMap(({ data }) => (ArrayBuffer.isView(data) ? [data.buffer as ArrayBuffer] : [])),
  );
};

/** A model whose outputs are found out by running it: a session writes into memory whose shape is known. */
class Model {
  readonly #session: Session;
  /** Rows that every run must have, where the model takes no other number. */
  readonly #fixedRows: number | undefined;
  /** Dimensions of outputs without the rows, by those of the inputs. */
  readonly #outputDims = new Map<string, ReadonlyMap<string, readonly number[]>>();

  constructor(session: Session) {
    this.#session = session;
    this.#fixedRows = session.inputs.map(({ dims }) => dims?.[0]).find((dim) => typeof dim === 'number');
  }

  async run(inputs: readonly WireTensor[]): Promise<WireTensor[]> {
    const rows = inputs[0]?.shape[0] ?? 0;
    const views = inputs.map((input) => viewOf(input, this.#fixedRows ?? rows));
    const dims = await this.#dimsOf(views);
    const outputs = this.#session.outputs
      .filter(({ unsupported }) => unsupported === undefined)
      .map(({ name, dtype }) => blank(name, dtype, [this.#fixedRows ?? rows, ...(dims.get(name) ?? [])]));
    await this.#session.run(views, outputs);
    return outputs.map(({ name, dtype, dims: [, ...rest], data }) => {
      const wanted = rows * sizeOf(rest);
      return {
        name,
        dtype,
        shape: [rows, ...rest],
        data: wanted === data.length ? data : data.slice(0, wanted),
      };
    });
  }

  async warmUp(): Promise<ReadonlyMap<string, readonly number[]> | undefined> {
    const shapes = this.#session.inputs.map(({ dims }) => dims?.slice(1));
    if (!shapes.every((shape) => shape?.every((dim) => typeof dim === 'number' && dim >= 0)))
      return undefined;
    const rows = this.#fixedRows ?? 1;
    const inputs = this.#session.inputs.map(({ name, dtype, isText }: ModelTensor, i): WireTensor => {
      const shape = [rows, ...(shapes[i] as number[])];
      const count = sizeOf(shape);
      return { name, dtype, shape, data: isText ? Array(count).fill('') : new (arrayOf(dtype))(count) };
    });
    const outputs = await this.run(inputs);
    return new Map(outputs.map(({ name, shape }) => [name, shape.slice(1)]));
  }

  async #dimsOf(views: readonly TensorView[]): Promise<ReadonlyMap<string, readonly number[]>> {
    const key = views.map(({ dims, text }) => dims.slice(1, text === undefined ? undefined : -1)).join(';');
    const known = this.#outputDims.get(key);
    if (known !== undefined) return known;
    const found = await this.#session.outputDims(views);
    const dims = new Map([...found].map(([name, [, ...rest]]) => [name, rest]));
    this.#outputDims.set(key, dims);
    return dims;
  }
}

const blank = (name: string, dtype: TensorView['dtype'], dims: readonly number[]): TensorView => ({
  name,
  dtype,
  dims,
  data: new (arrayOf(dtype))(sizeOf(dims)),
});

/** A tensor as a session takes it, with zeros behind its rows where there must be more. */
function viewOf({ name, dtype, shape, data }: WireTensor, rows: number): TensorView {
  const dims = [rows, ...shape.slice(1)];
  if (!ArrayBuffer.isView(data)) return textView(name, dims, data);
  if (data.length === sizeOf(dims)) return { name, dtype, dims, data };
  const padded = blank(name, dtype, dims);
  padded.data.set(data as never);
  return padded;
}

/** Messages one after another, however fast they come. */
async function* orders(): AsyncGenerator<Order> {
  const waiting: Order[] = [];
  let wake = (): void => {};
  port.on('message', (order: Order) => {
    waiting.push(order);
    wake();
  });
  for (;;) {
    while (waiting.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    yield waiting.shift() as Order;
  }
}

async function serve(session: Session): Promise<void> {
  const { inputs, outputs, device, warnings } = session;
  const model = new Model(session);
  const outputDims = await model.warmUp();
  reply({ kind: 'loaded', model: { inputs, outputs, device, warnings }, outputDims });
  let ledger: DeviceLedger | undefined;
  for await (const order of orders()) {
    if (order.kind === 'stop') return;
    if (order.kind === 'account') {
      ledger = new DeviceLedger(order.ledger, order.owner);
      continue;
    }
    const { id } = order;
    const rows = order.inputs[0]?.shape[0] ?? 0;
    const startedAt = ledger?.runStarted() ?? now();
    try {
      const results = await model.run(order.inputs);
      reply({ kind: 'done', id, outputs: results, startedAt, endedAt: now() });
    } catch (error) {
      if (error instanceof DeviceError) throw error;
      reply({ kind: 'rejected', id, reason: messageOf(error) });
    } finally {
      ledger?.runEnded(startedAt, { rows, capacity: rows, tokens: rows, paddedTokens: rows });
    }
  }
}

async function main(spec: SessionSpec): Promise<void> {
  let session: Session | undefined;
  try {
    session = await loadSession(spec);
    await serve(session);
  } catch (cause) {
    const wrap = (thrown: unknown): DeviceError =>
      new DeviceError(`${spec.uri ?? spec.runtime}: the model failed: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    reply({ kind: 'failed', error: toRecord(asPenstockError(cause, wrap)) });
  } finally {
    await session?.close();
    port.close();
  }
}

await main(workerData as SessionSpec);
