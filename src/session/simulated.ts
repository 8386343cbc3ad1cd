import { now } from '../clock/now.js';
import type { TypedArray } from '../util/dtype.js';
import { sizeOf } from '../util/dtype.js';
import { halfToNumber } from '../util/half.js';
import type { ModelTensor, Session, SessionDevice, SessionSpec, TensorView } from './types.js';

/**
 * A device of known speed: a batch takes `batchMicros + rows × rowMicros`, asleep, so that overlap, starvation and
 * scheduling can be measured on a machine without a GPU. Its one output `checksum`, float64 [batch], is the sum of all
 * elements of the row's inputs, added in float64 in index order, one input after the other.
 */
export async function load(spec: SessionSpec): Promise<Session> {
  return new SimulatedSession(spec);
}

/**
 * What late wake-ups cost is made up for up to this. A busy machine may wake a thread up several milliseconds late, many
 * short batches' worth; after a long stop, of the process or the machine, the device must not race to catch up.
 */
const MAKE_UP_MICROS = 100_000;

class SimulatedSession implements Session {
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[] = [{ name: 'checksum', dtype: 'float64', dims: ['batch'] }];
  readonly device: SessionDevice;
  readonly warnings = [];
  readonly #batchMicros: number;
  readonly #rowMicros: number;
  readonly #sleep = new Int32Array(new SharedArrayBuffer(4));
  /** How much longer sleeps have taken than asked for: taken off the next ones, so that the mean is exact. */
  #overslept = 0;
  #endedAt = 0;

  constructor({ inputs, options, deviceId }: SessionSpec) {
    const id = `simulated:${deviceId}`;
    this.device = { id, runtime: 'simulated', provider: 'simulated', simulated: true };
    this.inputs = inputs;
    this.#batchMicros = Number(options.batchMicros ?? 0);
    this.#rowMicros = Number(options.rowMicros ?? 0);
  }

  async run(inputs: readonly TensorView[], outputs: readonly TensorView[]): Promise<void> {
    const startedAt = now();
    const [output] = outputs;
    const rows = inputs[0]?.dims[0] ?? 0;
    if (output !== undefined) checksum(inputs, rows, output.data);
    const wanted = this.#batchMicros + rows * this.#rowMicros;
    // A device that had nothing to do meanwhile is not late any more, but for what one batch may be.
    if (startedAt - this.#endedAt > this.#overslept) this.#overslept = Math.min(wanted, this.#overslept);
    const asked = wanted - (now() - startedAt) - this.#overslept;
    if (asked > 0) Atomics.wait(this.#sleep, 0, 0, asked / 1000);
    const overslept = Math.max(0, this.#overslept + now() - startedAt - wanted);
    this.#overslept = Math.min(Math.max(wanted, MAKE_UP_MICROS), overslept);
    this.#endedAt = now();
  }

  async outputDims(inputs: readonly TensorView[]): Promise<ReadonlyMap<string, readonly number[]>> {
    return new Map([['checksum', [inputs[0]?.dims[0] ?? 0]]]);
  }

  async close(): Promise<void> {}
}

function checksum(inputs: readonly TensorView[], rows: number, sums: TypedArray): void {
  sums.fill(0 as never, 0, rows);
  for (const { data, dims, dtype } of inputs) {
    const width = sizeOf(dims.slice(1));
    const number = dtype === 'float16' ? (bits: number | bigint) => halfToNumber(bits as number) : Number;
    for (let row = 0; row < rows; row++) {
      let sum = sums[row] as number;
      for (let i = row * width; i < (row + 1) * width; i++) sum += number(data[i] as number | bigint);
      sums[row] = sum;
    }
  }
}
