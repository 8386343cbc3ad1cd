import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServeConfig } from '../../serve/schema.js';
import type { JobPlan, Subject } from '../scenarios/types.js';
import { arrowFile, dtypeOf, rowBytesOf, whyNoRows, writeCopies } from './job-rows.js';
import { ObjectServer } from './object-server.js';

export { whyNoRows as whyNoJob };

/** So many times as many rows as the device can take in the time: the job must not be over before the load is. */
const PLENTY = 3;
/** Of one file. */
const FILE_BYTES = 4 * 2 ** 20;
const MOST_FILE_ROWS = 4096;
const MOST_FILES = 5000;
/** Batches of a job that read from a slow storage, in each object. */
const BATCHES_PER_OBJECT = 1;
const DEFAULT_BATCH = 64;

/** How long one of the job's batches may hold the device. */
export const QUANTUM_MS = 20;

/** What a batch job needs: its data, a file that describes it, and for a slow storage, the server of that. */
export class JobFolder implements AsyncDisposable {
  readonly #folder: string;
  readonly #objects: ObjectServer | undefined;
  /** The job file. */
  readonly file: string;
  /** Rows of one of its batches. */
  readonly batchRows: number;

  private constructor(folder: string, file: string, batchRows: number, objects: ObjectServer | undefined) {
    this.#folder = folder;
    this.#objects = objects;
    this.file = file;
    this.batchRows = batchRows;
  }

  /** An object of its storage, for a client that reads it by itself; undefined where the data are files. */
  get objectUrl(): string | undefined {
    return this.#objects?.url;
  }

  /** @param rowsPerSecond what the device can take at most */
  static async make(
    config: ServeConfig,
    { model: name, request }: Subject,
    { storageDelayMs }: JobPlan,
    {
      rowsPerSecond,
      seconds,
      seed,
    }: { readonly rowsPerSecond: number; readonly seconds: number; readonly seed: number },
  ): Promise<JobFolder> {
    const folder = await mkdtemp(join(tmpdir(), 'penstock-stress-'));
    let objects: ObjectServer | undefined;
    try {
      const served = config.models[name];
      const size = served?.batch.size ?? 'auto';
      const batchRows = size === 'auto' ? DEFAULT_BATCH : size;
      const most = Math.max(
        batchRows,
        Math.min(MOST_FILE_ROWS, Math.floor(FILE_BYTES / rowBytesOf(request))),
      );
      const fileRows = storageDelayMs === null ? most : BATCHES_PER_OBJECT * batchRows;
      const bytes = await arrowFile(request, fileRows, batchRows, seed);
      const copies = Math.max(
        1,
        Math.min(MOST_FILES, Math.ceil((PLENTY * rowsPerSecond * seconds) / fileRows)),
      );
      const data = join(folder, 'data');
      if (storageDelayMs === null) {
        await mkdir(data);
        writeCopies(data, bytes, copies);
      } else {
        objects = await ObjectServer.start(bytes, copies, storageDelayMs);
      }
      const job = {
        name: 'stress-job',
        source: { ...(objects?.source ?? { uri: data }), format: 'arrow' },
        model: served?.model,
        inputs: Object.fromEntries(
          request.inputs.map(({ name: input, datatype, shape }) => [
            input,
            { column: input, dtype: dtypeOf(datatype), shape },
          ]),
        ),
        batch: { size: batchRows },
        sink: { format: 'none' },
      };
      const file = join(folder, 'job.yaml');
      // JSON is YAML.
      await writeFile(file, JSON.stringify(job, null, 2));
      return new JobFolder(folder, file, batchRows, objects);
    } catch (error) {
      await objects?.[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#objects?.[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
