import { OutputDirectory } from '../sink/output-directory.js';
import { PartWriter } from '../sink/part-writer.js';
import type { CompleteSplit, Part, SinkTarget } from '../sink/types.js';
import { openOutput } from '../storage/output.js';

/** Writes parts and commits them, as a job does. Whoever opens it disposes of it. */
export class Committer implements AsyncDisposable {
  readonly #writer: PartWriter;
  readonly #directory: OutputDirectory;

  private constructor(writer: PartWriter, directory: OutputDirectory) {
    this.#writer = writer;
    this.#directory = directory;
  }

  static async open(target: SinkTarget, splits: number): Promise<Committer> {
    const head = { job: 'bench', fingerprint: 'bench', splits };
    const directory = await OutputDirectory.claim(await openOutput(target.location), head, true);
    return new Committer(await PartWriter.open(target), directory);
  }

  async write(split: CompleteSplit): Promise<Part> {
    const part = await this.#writer.write(split);
    await this.#directory.record(part);
    return part;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#directory.release();
  }
}
