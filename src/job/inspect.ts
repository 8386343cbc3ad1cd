import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Schema } from 'apache-arrow';
import { Consumer } from '../consume/consumer.js';
import { openDataset, openFile } from '../dataset/dataset.js';
import type { Dataset } from '../dataset/types.js';
import { type Leaf, leafOf } from '../produce/leaf.js';
import type { ModelTensor, SessionDevice } from '../session/types.js';
import { PLAIN_ACCESS, type StorageAccess } from '../storage/access.js';
import { isRemote } from '../storage/uri.js';
import { UsageError } from '../util/errors.js';
import { localized } from './artifacts.js';
import { planInputs } from './inputs.js';
import type { InputSpec, JobInput } from './schema.js';
import { suggest } from './suggest.js';

/** What a source holds. */
export interface DatasetInspection {
  readonly kind: 'dataset';
  readonly uri: string;
  readonly format: string;
  /** Names of codecs; none where nothing is compressed. */
  readonly compression: readonly string[];
  readonly files: number;
  readonly bytes: number;
  readonly rows: number;
  readonly splits: number;
  readonly columns: readonly { readonly name: string; readonly type: string; readonly nullable: boolean }[];
}

/** What a model takes and gives; the first dimension is the batch. */
export interface ModelInspection {
  readonly kind: 'model';
  readonly uri: string;
  readonly device: SessionDevice;
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[];
  readonly warnings: readonly string[];
}

/** How a model's inputs could be made of a source's columns. */
export interface Proposal {
  /** The job file's `inputs`. */
  readonly inputs: NonNullable<JobInput['inputs']>;
  /** The job file's `batch.lengthColumn`, where rows are of variable length. */
  readonly lengthColumn: string | undefined;
  /** What to look at before it is believed, a sentence each. */
  readonly notes: readonly string[];
}

/** A source, and what it holds. */
export interface InspectedDataset {
  readonly inspection: DatasetInspection;
  readonly schema: Schema;
}

/** Lists a source; reads the metadata of its files, and none of their rows. */
export async function inspectDataset(
  uri: string,
  { format, access = PLAIN_ACCESS }: { format?: string; access?: StorageAccess } = {},
): Promise<InspectedDataset> {
  const dataset = await openDataset({ uri, access, ...(format !== undefined && { format }) });
  const { objects, schema, splits, bytes } = dataset;
  const columns = schema.fields.map(({ name, type, nullable }) => ({ name, type: String(type), nullable }));
  const { rows, compression } = await look(dataset, access);
  const counts = { files: objects.length, bytes, rows, splits: splits.length };
  const inspection = {
    kind: 'dataset',
    uri,
    format: dataset.format,
    compression,
    ...counts,
    columns,
  } as const;
  return { inspection, schema };
}

async function look(
  { objects, format }: Dataset,
  storage: StorageAccess,
): Promise<Pick<DatasetInspection, 'rows' | 'compression'>> {
  let rows = 0;
  const codecs = new Set<string>();
  for (const object of objects) {
    const file = await openFile(object, { format, storage }, { columns: [] });
    try {
      rows += await file.rowsBefore(file.units.length);
      for (const codec of await file.codecs()) codecs.add(codec);
    } finally {
      await file.close();
    }
  }
  return { rows, compression: [...codecs] };
}

/** WebAssembly starts fastest; SavedModels need what comes after it. */
const TENSORFLOW_ON_CPU = ['wasm', 'tfjs-node', 'tfjs-node-gpu'];

/** Loads a model on the CPU, in a thread of its own, and asks it. */
export async function inspectModel(uri: string, runtime = runtimeOf(uri)): Promise<ModelInspection> {
  using local = await localized({ model: { runtime, uri } });
  const providers = runtime === 'tensorflow' ? TENSORFLOW_ON_CPU : ['cpu'];
  const { model } = local.job;
  const spec = { ...model, providers, deviceId: 0, options: {}, intraOpNumThreads: 1, inputs: [] };
  const consumer = new Consumer(spec);
  try {
    const { inputs, outputs, device, warnings } = await consumer.loaded();
    return { kind: 'model', uri, device, inputs, outputs, warnings };
  } catch (error) {
    throw local.explain(error);
  } finally {
    consumer.stop();
    await consumer.exited;
  }
}

/** Whether a location is that of a model: by its name, or a folder by what is in it. */
export function looksLikeModel(uri: string): boolean {
  return /\.onnx$/i.test(uri) || isTensorflow(uri);
}

function runtimeOf(uri: string): string {
  // What a folder elsewhere holds is not known before it is fetched.
  const isFolder = isRemote(uri) && /\/[^/.]*\/?$/.test(uri);
  return isFolder || isTensorflow(uri) ? 'tensorflow' : 'onnx';
}

function isTensorflow(uri: string): boolean {
  if (/\.json$|(^|[/\\])saved_model\.pb$/i.test(uri)) return true;
  return ['model.json', 'saved_model.pb'].some((name) => existsSync(path.join(uri, name)));
}

/**
 * Finds a column for each input: the one of its name if that fits, else the nearest name, else whatever fits.
 *
 * @throws UsageError that names the first input that no column fits, and why the likeliest does not
 */
export function proposeInputs(model: readonly ModelTensor[], schema: Schema, source: string): Proposal {
  const finder = new ColumnFinder(schema, source);
  for (const input of model) finder.find(input);
  return finder;
}

const PLAIN: InputSpec = { from: 'values', scale: 1, mean: 0, std: 1, pad: 0 };

class ColumnFinder implements Proposal {
  readonly inputs: Record<string, { column?: string; scale?: number; from?: 'mask' | 'length' }> = {};
  readonly notes: string[] = [];
  lengthColumn: string | undefined;
  readonly #schema: Schema;
  readonly #source: string;
  readonly #taken = new Set<string>();

  constructor(schema: Schema, source: string) {
    this.#schema = schema;
    this.#source = source;
  }

  find(input: ModelTensor): void {
    const { name } = input;
    if (/mask/i.test(name) && this.#derives(input, 'mask')) return;
    if (/len(gth)?s?$/i.test(name) && this.#derives(input, 'length')) return;
    let refusal: unknown;
    for (const column of this.#ranked(input)) {
      for (const lengthColumn of this.#lengthColumns(input, column)) {
        refusal =
          this.#refusal(input, { ...PLAIN, column }, lengthColumn) ??
          this.#accept(input, column, lengthColumn);
        if (refusal === undefined) return;
      }
    }
    throw refusal ?? new UsageError(`${this.#source} has no column for the model's input ${name}`);
  }

  #accept({ name, dtype, dims }: ModelTensor, column: string, lengthColumn: string | undefined): undefined {
    this.#taken.add(column);
    this.lengthColumn ??= lengthColumn;
    const stored = String(this.#schema.fields.find((field) => field.name === column)?.type);
    const scale = /Uint8/.test(stored) && dtype.startsWith('float') ? 1 / 255 : undefined;
    this.inputs[name] = { column, ...(scale !== undefined && { scale }) };
    if (column !== name) this.notes.push(`${name} is made of ${column}, the column that fits: check it.`);
    if (scale !== undefined) {
      this.notes.push(
        `${name}: bytes become 0 to 1 by scale 1/255: check how the model was trained, and add mean and std if it needs them.`,
      );
    }
    if (dims === undefined)
      this.notes.push(`${name}: the model does not tell its shape; the column's is taken.`);
  }

  /** Whether the input can be made of the rows' lengths alone. */
  #derives(input: ModelTensor, from: 'mask' | 'length'): boolean {
    const { lengthColumn } = this;
    if (lengthColumn === undefined || this.#refusal(input, { ...PLAIN, from }, lengthColumn)) return false;
    this.inputs[input.name] = { from };
    return true;
  }

  #refusal(input: ModelTensor, spec: InputSpec, lengthColumn: string | undefined): unknown {
    try {
      planInputs(
        { inputs: { [input.name]: spec }, lengthColumn, source: this.#source },
        [input],
        this.#schema,
      );
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Lists of any length only fill a dimension that is left open: whether they are all alike, their type does not tell. */
  #lengthColumns({ name, dims }: ModelTensor, column: string): (string | undefined)[] {
    if (this.#leaf(column)?.width !== undefined) return [undefined];
    if (dims?.slice(1).some((dim) => typeof dim === 'string')) return [column];
    return column === name ? [undefined] : [];
  }

  /** Columns that no input has yet, the likeliest first. */
  #ranked({ name, dtype }: ModelTensor): string[] {
    const free = this.#schema.fields.map((field) => field.name).filter((column) => !this.#taken.has(column));
    const likely = [free.find((column) => column === name), suggest(name, free)];
    const sameType = free.filter((column) => this.#leaf(column)?.dtype === dtype);
    return [...new Set([...likely.filter((column) => column !== undefined), ...sameType, ...free])];
  }

  #leaf(column: string): Leaf | undefined {
    const field = this.#schema.fields.find(({ name }) => name === column);
    return field && leafOf(field.type);
  }
}
