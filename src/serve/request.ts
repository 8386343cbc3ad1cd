import type { RejectedRow } from '../consume/types.js';
import { rowElements, TEXT_HEAD_BYTES, type TensorRegion } from '../ring/layout.js';
import type { Ring } from '../ring/ring.js';
import { arrayOf, type TypedArray } from '../util/dtype.js';
import type { EndpointState } from './endpoint-state.js';
import { Refusal, type RefusalReason } from './refusal.js';
import type { Queued } from './request-queue.js';
import type { InferRequest, InferResult, WireTensor } from './types.js';

/** Rows of a tensor, as a request brings them. */
export type RowData = TypedArray | readonly string[];

interface Settle {
  readonly resolve: (result: InferResult) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A request between its arrival and its answer: which of its rows wait, which are in slots, which are back.
 */
export class PendingRequest implements Queued {
  readonly state: EndpointState;
  readonly endpoint: number;
  readonly priority: number;
  readonly weight: number;
  readonly deadline: number;
  readonly rowBytes: number;
  readonly arrivedAt: number;
  readonly rows: number;
  /** Its place in the table that consumers see; −1 while it is in no slot. */
  place = -1;
  /** Rows that have been put into slots, from the first on. */
  placed = 0;
  /** Rows in slots that are not back yet. */
  inSlots = 0;
  /** Rows that are back and that the model rejects. */
  rejectedRows = 0;
  isOver = false;
  #inputs: readonly RowData[];
  /** Places of the outputs that are asked for, among the model's. */
  readonly #wanted: readonly number[];
  readonly #regions: readonly TensorRegion[];
  #outputs: readonly TypedArray[] | undefined;
  #back = 0;
  readonly #rejections: RejectedRow[] = [];
  #began = 0;
  #ended = 0;
  #batchRows = 0;
  #settle: Settle | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #onGone: () => void;

  constructor(
    request: InferRequest,
    about: {
      readonly state: EndpointState;
      readonly rows: number;
      readonly priority: number;
      readonly deadline: number;
      readonly rowBytes: number;
      readonly inputs: readonly RowData[];
      readonly wanted: readonly number[];
      readonly regions: readonly TensorRegion[];
    },
    settle: Settle,
    signal: AbortSignal | undefined,
    onGone: (request: PendingRequest) => void,
  ) {
    const { state, rows, priority, deadline, rowBytes, inputs, wanted, regions } = about;
    this.state = state;
    this.endpoint = state.place;
    this.weight = state.spec.weight;
    this.priority = priority;
    this.deadline = deadline;
    this.rowBytes = rowBytes;
    this.arrivedAt = request.arrivedAt;
    this.rows = rows;
    this.#inputs = inputs;
    this.#wanted = wanted;
    this.#regions = regions;
    this.#settle = settle;
    this.#signal = signal;
    this.#onGone = () => onGone(this);
    signal?.addEventListener('abort', this.#onGone, { once: true });
  }

  get waitingRows(): number {
    return this.rows - this.placed;
  }

  /** Copies rows into a slot's inputs, from `first` on there. */
  write(
    inputs: readonly TypedArray[],
    regions: readonly TensorRegion[],
    row: number,
    first: number,
    count: number,
  ): void {
    for (let i = 0; i < regions.length; i++) {
      const region = regions[i] as TensorRegion;
      const source = this.#inputs[i] as RowData;
      const target = inputs[i] as TypedArray;
      const size = region.rowSize;
      if (region.text !== undefined) {
        writeTexts(target as Uint8Array, region, source as readonly string[], row, first, count);
        continue;
      }
      const rows = source as TypedArray;
      const isWhole = row === 0 && rows.length === count * size;
      target.set((isWhole ? rows : rows.subarray(row * size, (row + count) * size)) as never, first * size);
    }
  }

  /** Rows are back with their outputs, or, where the model rejects them, without. */
  back(
    outputs: readonly TypedArray[],
    run: {
      readonly row: number;
      readonly first: number;
      readonly count: number;
      readonly isRejected: boolean;
    },
    began: number,
    ended: number,
    batchRows: number,
  ): void {
    const { row, first, count, isRejected } = run;
    this.#back += count;
    if (this.#began === 0 || began < this.#began) this.#began = began;
    if (row === 0) this.#batchRows = batchRows;
    this.#ended = Math.max(this.#ended, ended);
    if (isRejected) return;
    this.#outputs ??= this.#wanted.map((output) => {
      const { dtype, rowSize } = this.#regions[output] as TensorRegion;
      return new (arrayOf(dtype))(this.rows * rowSize);
    });
    for (let i = 0; i < this.#wanted.length; i++) {
      const output = this.#wanted[i] as number;
      const size = (this.#regions[output] as TensorRegion).rowSize;
      const source = outputs[output] as TypedArray;
      this.#outputs[i]?.set(source.subarray(first * size, (first + count) * size) as never, row * size);
    }
  }

  /** Why the model rejects one of its rows: it may come after the rows. */
  rejected(row: RejectedRow): void {
    this.#rejections.push(row);
  }

  /** It is not known yet why the model rejects some. */
  get awaitsReasons(): boolean {
    return this.#rejections.length < this.rejectedRows;
  }

  get isComplete(): boolean {
    return this.#back === this.rows && !this.awaitsReasons;
  }

  /** All its rows are back. */
  answer(at: number): void {
    const settle = this.#end();
    if (settle === undefined) return;
    const [rejection] = this.#rejections;
    if (rejection !== undefined) {
      const others = this.#rejections.length > 1 ? `, and ${this.#rejections.length - 1} more` : '';
      this.#refuse(
        settle,
        'rejected',
        `the model rejects row ${rejection.row}${others}: ${rejection.reason}`,
      );
      return;
    }
    const queue = Math.max(0, this.#began - this.arrivedAt);
    const compute = this.#ended - this.#began;
    this.state.answered(queue, compute, at - this.arrivedAt);
    const outputs = this.#wanted.map((output, i): WireTensor => {
      const { name, dtype, rowDims } = this.#regions[output] as TensorRegion;
      return { name, dtype, shape: [this.rows, ...rowDims], data: this.#outputs?.[i] as TypedArray };
    });
    this.#outputs = undefined;
    settle.resolve({ outputs, times: { queue, compute, batchRows: this.#batchRows } });
  }

  /** It is not answered with outputs. */
  refuse(reason: RefusalReason, message: string, retryAfterMs?: number): void {
    const settle = this.#end();
    if (settle !== undefined) this.#refuse(settle, reason, message, retryAfterMs);
  }

  #refuse({ reject }: Settle, reason: RefusalReason, message: string, retryAfterMs?: number): void {
    this.state.refused(reason);
    reject(new Refusal(reason, message, retryAfterMs === undefined ? {} : { retryAfterMs }));
  }

  /**
   * It is over from now on: how its client is told, or undefined where it was over before. Its data are let go, since the
   * queue and the deadlines may hold it for longer.
   */
  #end(): Settle | undefined {
    const settle = this.#settle;
    this.isOver = true;
    this.#settle = undefined;
    this.#inputs = [];
    this.#signal?.removeEventListener('abort', this.#onGone);
    return settle;
  }
}

/** Texts behind their lengths: see `RowTensor.text`. */
function writeTexts(
  target: Uint8Array,
  { rowSize, text = 0 }: TensorRegion,
  texts: readonly string[],
  row: number,
  first: number,
  count: number,
): void {
  const size = TEXT_HEAD_BYTES + text;
  const perRow = rowSize / size;
  const bytes = Buffer.from(target.buffer as ArrayBuffer, target.byteOffset, target.byteLength);
  for (let i = 0; i < count * perRow; i++) {
    const at = (first * perRow + i) * size;
    const written = bytes.write(texts[row * perRow + i] as string, at + TEXT_HEAD_BYTES, text, 'utf8');
    bytes.writeUInt32LE(written, at);
  }
}

/** All slots' tensors, as views that are made once. */
export function slotViews(ring: Ring, kind: 'inputs' | 'outputs'): readonly (readonly TypedArray[])[] {
  return Array.from({ length: ring.config.slots }, (_, slot) =>
    ring.layout[kind].map((region) => ring.regionView(slot, region)),
  );
}

/** Elements of one row of a tensor, as a request brings them. */
export function elementsOfRow(region: TensorRegion): number {
  const size = rowElements(region, { length: 1, capacity: 1 });
  return region.text === undefined ? size : size / (TEXT_HEAD_BYTES + region.text);
}
