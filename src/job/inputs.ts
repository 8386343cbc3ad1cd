import { DataType, type Schema } from 'apache-arrow';
import { isInteger, refusal } from '../produce/convert.js';
import { hasDictionary, leafOf } from '../produce/leaf.js';
import { isText } from '../produce/text.js';
import type { CollateInput } from '../produce/writer.js';
import { type RowTensor, TEXT_HEAD_BYTES } from '../ring/layout.js';
import type { ModelTensor } from '../session/types.js';
import { describeTensor, sizeOf } from '../util/dtype.js';
import { UsageError } from '../util/errors.js';
import { columnType, fixedDims, hasColumn, innerDims, missingColumn } from './columns.js';
import { isAffine, planElements } from './elements.js';
import type { InputSpec, Job } from './schema.js';

/** The model's inputs as rows of tensors, and the columns that fill them. */
export interface InputPlan {
  readonly tensors: readonly RowTensor[];
  readonly collate: readonly CollateInput[];
}

/** What decides how columns become tensors. */
export interface InputRules {
  readonly inputs: Job['inputs'];
  readonly lengthColumn: string | undefined;
  /** As messages name the source. */
  readonly source: string;
}

/** Bytes of a text at most, where a job does not say. */
export const MAX_TEXT_BYTES = 256;

/** What an input is made of where nothing is said of it. */
export const PLAIN_INPUT: InputSpec = { from: 'values', scale: 1, mean: 0, std: 1, pad: 0 };

/**
 * Matches a model's inputs with the data's columns, by the job's `inputs` or, where that says nothing, by name.
 *
 * @throws UsageError that names both sides where they do not fit
 */
export function planInputs(rules: InputRules, model: readonly ModelTensor[], schema: Schema): InputPlan {
  for (const name of Object.keys(rules.inputs)) {
    if (model.some((input) => input.name === name)) continue;
    const names = model.map((input) => input.name).join(', ');
    throw new UsageError(`inputs.${name}: the model has no such input; its inputs are ${names}`, {
      key: `inputs.${name}`,
    });
  }
  checkLengthColumn(rules, schema);
  const planned = model.map((input, tensor) => new InputPlanner(rules, input, schema).plan(tensor));
  return { tensors: planned.map(({ row }) => row), collate: planned.map(({ collate }) => collate) };
}

/** Columns that the job names at `key` and that are not there are refused; which there are is said. */
export function checkColumns(key: string, columns: readonly string[], source: string, schema: Schema): void {
  for (const column of columns)
    if (!hasColumn(schema, column)) throw missingColumn(key, column, source, schema);
}

function checkLengthColumn({ lengthColumn, source }: InputRules, schema: Schema): void {
  if (lengthColumn === undefined) return;
  const key = 'batch.lengthColumn';
  if (!hasColumn(schema, lengthColumn)) throw missingColumn(key, lengthColumn, source, schema);
  const type = columnType(schema, lengthColumn);
  if (DataType.isInt(type) || DataType.isList(type) || DataType.isLargeList(type)) return;
  throw new UsageError(
    `${key}: column ${JSON.stringify(lengthColumn)} (${type}) tells no lengths; expected whole numbers or lists`,
    { key, column: lengthColumn },
  );
}

/** Matches one input of the model with its column. */
class InputPlanner {
  readonly #rules: InputRules;
  readonly #input: ModelTensor;
  readonly #spec: InputSpec;
  readonly #schema: Schema;
  readonly #key: string;

  constructor(rules: InputRules, input: ModelTensor, schema: Schema) {
    this.#rules = rules;
    this.#input = input;
    this.#spec = rules.inputs[input.name] ?? PLAIN_INPUT;
    this.#schema = schema;
    this.#key = `inputs.${input.name}`;
  }

  plan(tensor: number): { row: RowTensor; collate: CollateInput } {
    const { from, pad } = this.#spec;
    if (this.#input.isText) return this.#planText(tensor);
    if (this.#spec.maxBytes !== undefined) {
      throw new UsageError(
        `${this.#key}.maxBytes: is for texts, and the model's input ${this.#input.name} takes numbers`,
        {
          key: `${this.#key}.maxBytes`,
        },
      );
    }
    this.#checkDtype();
    if (from !== 'values') return this.#planLengths(tensor, from);
    const column = this.#column();
    const row = this.#isPadded(column) ? this.#paddedRow(column) : this.#denseRow(column);
    const source = this.#checkFit(column, row);
    const dims = row.padded ? ['length', ...row.rowDims] : row.rowDims;
    const elements = planElements(this.#spec, dims, this.#key);
    return { row, collate: { tensor, from, column, source, pad, ...elements } };
  }

  /** One text a row. */
  #planText(tensor: number): { row: RowTensor; collate: CollateInput } {
    const { name, dims = ['batch'] } = this.#input;
    const { maxBytes = MAX_TEXT_BYTES, nulls = 'error', from, dtype, transpose, oneHot } = this.#spec;
    const isPlain = from === 'values' && !isAffine(this.#spec);
    if (
      !isPlain ||
      dtype !== undefined ||
      transpose !== undefined ||
      oneHot !== undefined ||
      typeof nulls === 'number'
    ) {
      throw new UsageError(
        `${this.#key}: the model's input ${name} takes texts; of its keys column, maxBytes and nulls (error or zero) make sense`,
        { key: this.#key },
      );
    }
    const rowDims = dims.slice(1).map((dim) => (typeof dim === 'number' ? dim : 1));
    const column = this.#column();
    const type = columnType(this.#schema, column);
    if (sizeOf(rowDims) !== 1 || !isText(type)) {
      throw new UsageError(
        `column ${JSON.stringify(column)} (${type}) of ${this.#rules.source} does not fit input ${name} ` +
          `(${describeTensor('string', dims)}): expected a column of text, and one text a row`,
        { key: this.#key, column },
      );
    }
    const row = {
      name,
      dtype: 'uint8',
      rowDims: [...rowDims, TEXT_HEAD_BYTES + maxBytes],
      text: maxBytes,
    } as const;
    const fill = nulls === 'zero' ? 0 : undefined;
    return {
      row,
      collate: { tensor, from: 'text', column, source: 'uint8', factor: 1, term: 0, pad: 0, fill },
    };
  }

  /** A mask or a length: made of the rows' lengths alone. */
  #planLengths(tensor: number, from: 'mask' | 'length'): { row: RowTensor; collate: CollateInput } {
    const { lengthColumn: column } = this.#rules;
    if (column === undefined) {
      throw new UsageError(`${this.#key}.from: ${from} needs batch.lengthColumn`, {
        key: `${this.#key}.from`,
      });
    }
    const { name, dtype, dims } = this.#input;
    const rest = dims?.slice(1) ?? (from === 'mask' ? ['length'] : []);
    const rowDims = rest.filter((dim) => typeof dim === 'number');
    const fits =
      from === 'mask' ? rest.length === 1 : sizeOf(rowDims) === 1 && rowDims.length === rest.length;
    if (!fits) {
      throw new UsageError(
        `${this.#key}: the model takes ${describeTensor(dtype, dims ?? [])}, which is no ${from} of rows`,
        { key: this.#key },
      );
    }
    const row: RowTensor =
      from === 'mask' ? { name, dtype, rowDims: [], padded: true } : { name, dtype, rowDims };
    return { row, collate: { tensor, from, column, source: 'int32', factor: 1, term: 0, pad: 0 } };
  }

  /** The dimension that one-hot adds at the end. */
  get #places(): number[] {
    return this.#spec.oneHot === undefined ? [] : [this.#spec.oneHot];
  }

  #checkDtype(): void {
    const { name, dtype } = this.#input;
    const wanted = this.#spec.dtype ?? dtype;
    if (wanted === dtype) return;
    throw new UsageError(`${this.#key}.dtype: is ${wanted}, and the model's input ${name} is ${dtype}`, {
      key: `${this.#key}.dtype`,
    });
  }

  #column(): string {
    const { name, dtype, dims } = this.#input;
    const column = this.#spec.column ?? name;
    if (hasColumn(this.#schema, column)) return column;
    if (this.#spec.column !== undefined)
      throw missingColumn(`${this.#key}.column`, column, 'the source', this.#schema);
    const names = this.#schema.fields.map((field) => field.name).join(', ');
    const example = this.#schema.fields[0]?.name ?? 'x';
    throw new UsageError(
      `no column feeds the model's input ${name} (${describeTensor(dtype, dims ?? ['?'])}); the source's columns are ${names}`,
      {
        key: this.#key,
        hint: `Name one in the job file, as in inputs: { ${name}: { column: ${example} } }.`,
      },
    );
  }

  /** Lists of any length, where the job says which column tells the length and not that all are alike. */
  #isPadded(column: string): boolean {
    const type = columnType(this.#schema, column);
    const isList = DataType.isList(type) || DataType.isLargeList(type);
    return isList && this.#rules.lengthColumn !== undefined && this.#spec.shape === undefined;
  }

  #paddedRow(column: string): RowTensor {
    const { name, dtype, dims } = this.#input;
    const inner = [...innerDims(columnType(this.#schema, column)), ...this.#places];
    const [length, ...rest] = dims?.slice(1) ?? ['length', ...inner];
    const rowDims = rest.filter((dim) => typeof dim === 'number');
    if (typeof length === 'string' && rowDims.length === rest.length)
      return { name, dtype, rowDims, padded: true };
    throw new UsageError(
      `${this.#key}: the model takes ${describeTensor(dtype, dims ?? [])}, and rows of column ${JSON.stringify(column)} ` +
        'are of variable length; expected one dimension behind the batch that is left open',
      { key: this.#key, column },
    );
  }

  /** The job's shape where it gives one, else the model's, open dimensions filled in from the column, else the column's. */
  #denseRow(column: string): RowTensor {
    const { name, dtype, dims } = this.#input;
    const modelDims = dims?.slice(1);
    const { shape } = this.#spec;
    if (shape !== undefined) {
      const agrees =
        modelDims === undefined ||
        (modelDims.length === shape.length &&
          modelDims.every((dim, i) => typeof dim === 'string' || dim === shape[i]));
      if (agrees) return { name, dtype, rowDims: [...shape] };
      throw new UsageError(
        `${this.#key}.shape: [${shape.join(', ')}] is not what the model takes for a row of ${name}: [${modelDims.join(', ')}]`,
        { key: `${this.#key}.shape` },
      );
    }
    const type = columnType(this.#schema, column);
    const width = leafOf(type)?.width;
    if (modelDims === undefined && width !== undefined) {
      const dims = [...fixedDims(type), ...this.#places];
      const { transpose = [] } = this.#spec;
      const fits = transpose.length === dims.length;
      return { name, dtype, rowDims: fits ? transpose.map((axis) => dims[axis] as number) : dims };
    }
    const rowDims = resolveDims(modelDims, width === undefined ? undefined : width * sizeOf(this.#places));
    if (rowDims !== undefined) return { name, dtype, rowDims };
    const shown = modelDims === undefined ? 'nothing of its shape' : `[${modelDims.join(', ')}]`;
    throw new UsageError(
      `${this.#key}: the model says ${shown} for a row of ${name}, so the job must give its shape`,
      {
        key: `${this.#key}.shape`,
        hint: `Add ${this.#key}.shape, the shape of one row without the batch dimension; or batch.lengthColumn and batch.buckets, where rows are of variable length.`,
      },
    );
  }

  /** The type of the column's elements, if they fit into the tensor. */
  #checkFit(column: string, row: RowTensor): CollateInput['source'] {
    const { oneHot } = this.#spec;
    const type = columnType(this.#schema, column);
    const shown = row.padded ? ['length', ...row.rowDims] : row.rowDims;
    const refuse = (why: string): UsageError =>
      new UsageError(
        `column ${JSON.stringify(column)} (${type}) of ${this.#rules.source} does not fit input ${row.name} ` +
          `(a row is ${describeTensor(row.dtype, shown)}): ${why}`,
        { key: this.#key, column },
      );
    const leaf = leafOf(type);
    if (leaf === undefined) throw refuse('it holds no numbers');
    if (oneHot === undefined && hasDictionary(type))
      throw refuse('its numbers are codes of a dictionary, which oneHot takes');
    if (oneHot !== undefined && row.rowDims.at(-1) !== oneHot)
      throw refuse(`oneHot makes ${oneHot} elements of each number, in the last dimension`);
    const size = sizeOf(row.rowDims) / (oneHot ?? 1);
    const width = row.padded ? sizeOf(innerDims(type)) : leaf.width;
    if (width !== undefined && width !== size) {
      const unit = row.padded ? 'an element' : 'a row';
      throw refuse(`it has ${width} values ${unit}, and the tensor takes ${size}`);
    }
    const reason =
      oneHot === undefined
        ? refusal(leaf.dtype, row.dtype, isAffine(this.#spec))
        : isInteger(leaf.dtype)
          ? undefined
          : 'oneHot takes whole numbers';
    if (reason !== undefined) throw refuse(reason);
    return leaf.dtype;
  }
}

/** The model's dimensions of a row, with one unknown filled in from the width of the column. */
function resolveDims(
  dims: readonly (number | string)[] | undefined,
  width: number | undefined,
): number[] | undefined {
  if (dims === undefined) return undefined;
  const known = sizeOf(dims.filter((dim) => typeof dim === 'number'));
  const unknown = dims.filter((dim) => typeof dim === 'string').length;
  if (unknown === 0) return dims as number[];
  if (unknown > 1 || width === undefined || width % known !== 0) return undefined;
  return dims.map((dim) => (typeof dim === 'number' ? dim : width / known));
}
