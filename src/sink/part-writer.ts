import { openOutput } from '../storage/output.js';
import type { OutputStore } from '../storage/output-types.js';
import { writeDeadLetters } from './dead-letters.js';
import { type Encode, loadEncoder } from './formats.js';
import { partFile } from './output-files.js';
import type { CompleteSplit, Part, SinkTarget } from './types.js';

/** Encodes splits and puts them in their places; they are committed by whoever enters them into the manifest. */
export class PartWriter {
  readonly #target: SinkTarget;
  readonly #store: OutputStore;
  readonly #encode: Encode;

  private constructor(target: SinkTarget, store: OutputStore, encode: Encode) {
    this.#target = target;
    this.#store = store;
    this.#encode = encode;
  }

  static async open(target: SinkTarget): Promise<PartWriter> {
    const [store, encode] = await Promise.all([openOutput(target.location), loadEncoder(target.format)]);
    return new PartWriter(target, store, encode);
  }

  /** Writes a split as one part, whole: one that has its name is complete. */
  async write(split: CompleteSplit): Promise<Part> {
    const { format, settings } = this.#target;
    const bytes = await this.#encode(split, settings);
    const { ordinal, batchRows, deadLetters } = split.produced;
    const file = partFile(ordinal, format);
    // Before the part: where that is, they are too.
    await writeDeadLetters(this.#store, { ordinal, letters: deadLetters });
    await this.#store.write(file, bytes);
    const rows = batchRows.reduce((sum, count) => sum + count, 0);
    const part = { ordinal, file, rows, bytes: bytes.byteLength };
    return deadLetters.length === 0 ? part : { ...part, deadLettered: deadLetters.length };
  }
}
