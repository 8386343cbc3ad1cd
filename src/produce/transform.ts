import { access } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Data, type DataType, Field, makeData, RecordBatch, Schema, Struct } from 'apache-arrow';
import { unlessAborted } from '../util/abort.js';
import type { DType } from '../util/dtype.js';
import { DataError, messageOf, UsageError } from '../util/errors.js';
import { ColumnError, columnOf, describe } from './column-values.js';
import { frameIn } from './stack-place.js';
import { type Columns, KEEP, type TransformContext, type TransformSetup } from './transform-types.js';

/** Which module transforms a stream's record batches, and what its columns become; clonable. */
export interface TransformPlan {
  /** `file:` URL of the module. */
  readonly url: string;
  /** The columns of the source that its record batches have. */
  readonly columns: readonly string[];
  /** What plain numbers become, by the column; those of others become float64. */
  readonly plain: ReadonlyMap<string, DType>;
}

interface Module {
  readonly default: (batch: RecordBatch, context: TransformContext) => unknown;
  readonly setup?: (context: TransformSetup) => unknown;
  readonly teardown?: () => unknown;
  readonly columns?: readonly string[];
}

/** The user's code threw for some rows of a record batch: from `from` on, and before `to`. */
export class TransformFailure extends Error {
  readonly from: number;
  readonly to: number;

  constructor(message: string, from: number, to: number, cause: unknown) {
    super(message, { cause });
    this.from = from;
    this.to = to;
  }
}

/** What is left of a record batch and new in it. */
export interface Transformed {
  readonly batch: RecordBatch;
  /** 1 for a row that the transform drops; undefined where it drops none. */
  readonly dropped: Uint8Array | undefined;
}

/** A user's module in this thread. Whoever loads it tears it down. */
export class Transform {
  readonly #plan: Pick<TransformPlan, 'url' | 'plain'>;
  readonly #module: Module;
  readonly #expected: ReadonlyMap<string, DataType>;
  /** What its columns were when the job was planned. */
  readonly schema: Schema | undefined;
  /** Aborted when the stream is stopped: what the module waits for is not waited for then. */
  readonly #signal: AbortSignal;

  private constructor(
    plan: Pick<TransformPlan, 'url' | 'plain'>,
    module: Module,
    expected: Schema | undefined,
    signal: AbortSignal,
  ) {
    this.#plan = plan;
    this.#module = module;
    this.schema = expected;
    this.#expected = new Map(expected?.fields.map(({ name, type }) => [name, type]));
    this.#signal = signal;
  }

  /**
   * Loads the module and runs its `setup`.
   *
   * @param expected what its columns were when the job was planned
   * @throws UsageError where the module does not load, has no default export, or its setup fails
   */
  static async load(
    plan: Pick<TransformPlan, 'url' | 'plain'>,
    setup: TransformSetup,
    expected?: Schema,
  ): Promise<Transform> {
    const module = await importModule(plan.url);
    const transform = new Transform(plan, module, expected, setup.signal);
    try {
      await transform.#await(module.setup?.(setup));
    } catch (cause) {
      if (setup.signal.aborted) throw cause;
      throw new UsageError(`transform: ${transform.#describe(cause, 'its setup failed')}`, {
        key: 'transform',
        file: pathOf(plan.url),
        cause,
      });
    }
    return transform;
  }

  /** The columns that the module says it needs; undefined where it does not say. */
  get columns(): readonly string[] | undefined {
    return this.#module.columns;
  }

  /**
   * Runs it on a record batch.
   *
   * @throws TransformFailure where the user's code throws; RowFault for a value that does not fit its column; DataError
   *   for what can't be columns at all
   */
  async apply(batch: RecordBatch, context: TransformContext): Promise<Transformed> {
    let columns: unknown;
    try {
      columns = await this.#await(this.#module.default(batch, context));
    } catch (cause) {
      if (context.signal.aborted) throw context.signal.reason;
      throw new TransformFailure(this.#describe(cause, 'the transform failed'), 0, batch.numRows, cause);
    }
    try {
      return this.#merge(batch, asColumns(columns));
    } catch (cause) {
      if (!(cause instanceof ColumnError)) throw cause;
      const { file } = context;
      throw new DataError(
        `${file}: ${pathOf(this.#plan.url)}: what it returned can't be columns: ${cause.message}`,
        {
          file,
        },
      );
    }
  }

  /** @throws UsageError where the user's code throws */
  async teardown(): Promise<void> {
    try {
      await this.#await(this.#module.teardown?.());
    } catch (cause) {
      throw new UsageError(`transform: ${this.#describe(cause, 'its teardown failed')}`, {
        key: 'transform',
        cause,
      });
    }
  }

  #await(result: unknown): unknown {
    return isPromise(result) ? unlessAborted(result, this.#signal) : result;
  }

  #merge(batch: RecordBatch, columns: Columns): Transformed {
    const rows = batch.numRows;
    const merged = new Map<string, Data>();
    for (const [i, { name }] of batch.schema.fields.entries())
      merged.set(name, batch.data.children[i] as Data);
    for (const [name, value] of Object.entries(columns)) {
      const plain = this.#plan.plain.get(name) ?? 'float64';
      const data = columnOf(value, { name, rows, plain, expected: this.#expected.get(name) });
      const before = this.#expected.get(name);
      if (before !== undefined && String(before) !== String(data.type)) {
        throw new ColumnError(
          `column ${JSON.stringify(name)} is ${data.type} here, and was ${before} for the first rows`,
        );
      }
      merged.set(name, data);
    }
    for (const name of this.#expected.keys()) {
      if (!merged.has(name))
        throw new ColumnError(`column ${JSON.stringify(name)}, which the first rows had, is missing`);
    }
    const fields = [...merged].map(([name, { type }]) => new Field(name, type, true));
    const children = [...merged.values()];
    const data = makeData({ type: new Struct(fields), length: rows, nullCount: 0, children });
    const dropped = columns[KEEP] === undefined ? undefined : droppedBy(columns[KEEP], rows);
    return { batch: new RecordBatch(new Schema(fields), data), dropped };
  }

  #describe(cause: unknown, what: string): string {
    const { url } = this.#plan;
    const at = frameIn(cause, url);
    return `${pathOf(url)}: ${what}: ${messageOf(cause)}${at === undefined ? '' : ` (${at})`}`;
  }
}

function isPromise(result: unknown): result is PromiseLike<unknown> {
  return typeof result === 'object' && result !== null && 'then' in result;
}

async function importModule(url: string): Promise<Module> {
  const path = pathOf(url);
  const refuse = (why: string, cause?: unknown): UsageError =>
    new UsageError(`transform: ${path}: ${why}`, { key: 'transform', file: path, cause });
  await access(path).catch((cause) => {
    throw refuse('there is no such file', cause);
  });
  const loaded = (await import(url).catch((cause: unknown) => {
    const at = frameIn(cause, url);
    throw refuse(`can't be loaded: ${messageOf(cause)}${at === undefined ? '' : ` (${at})`}`, cause);
  })) as Record<string, unknown>;
  for (const name of ['default', 'setup', 'teardown']) {
    const exported = loaded[name];
    if (typeof exported === 'function' || (exported === undefined && name !== 'default')) continue;
    const is = exported === undefined ? 'has no default export' : `exports ${describe(exported)} as ${name}`;
    throw refuse(`${is}; expected a function${name === 'default' ? ' (batch, context) => columns' : ''}`);
  }
  const { columns } = loaded;
  if (columns !== undefined && !(Array.isArray(columns) && columns.every((name) => typeof name === 'string')))
    throw refuse('exports columns that are no list of names');
  return loaded as unknown as Module;
}

function asColumns(returned: unknown): Columns {
  const isObject = typeof returned === 'object' && returned !== null && !Array.isArray(returned);
  if (isObject && !ArrayBuffer.isView(returned) && !(returned instanceof Map)) return returned as Columns;
  throw new ColumnError(`it returned ${describe(returned)}; expected an object, column → values`);
}

function droppedBy(keep: unknown, rows: number): Uint8Array | undefined {
  const iterable = typeof keep === 'object' && keep !== null && Symbol.iterator in keep;
  const mask = iterable ? Array.from(keep as Iterable<unknown>) : undefined;
  const wrong = mask?.find((entry) => typeof entry !== 'boolean' && entry !== 0 && entry !== 1);
  if (mask === undefined || mask.length !== rows || wrong !== undefined) {
    const has =
      mask === undefined ? describe(keep) : wrong === undefined ? `${mask.length} entries` : describe(wrong);
    throw new ColumnError(
      `which rows to keep has ${has}; expected true or false for each of the ${rows} rows`,
    );
  }
  return mask.every(Boolean) ? undefined : Uint8Array.from(mask, (kept) => (kept ? 0 : 1));
}

const pathOf = (url: string): string => fileURLToPath(url);
