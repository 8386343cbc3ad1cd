import type { Schema } from 'apache-arrow';
import type { LoadedModel } from '../consume/types.js';
import type { CollateInput } from '../produce/collate.js';
import { refusal } from '../produce/convert.js';
import { leafOf } from '../produce/leaf.js';
import type { RowTensor } from '../ring/layout.js';
import type { ModelTensor } from '../session/types.js';
import { describeTensor, sizeOf } from '../util/dtype.js';
import { UsageError } from '../util/errors.js';
import type { InputSpec, Job } from './schema.js';

/** The model's inputs as rows of tensors, and the columns that fill them. */
export interface InputPlan {
  readonly tensors: readonly RowTensor[];
  readonly collate: readonly CollateInput[];
}

/**
 * Matches a model's inputs with the data's columns, by the job's `inputs` or, where that says nothing, by name.
 *
 * @throws UsageError that names both sides where they do not fit
 */
export function planInputs(job: Job, model: LoadedModel, schema: Schema): InputPlan {
  for (const name of Object.keys(job.inputs)) {
    if (model.inputs.some((input) => input.name === name)) continue;
    const names = model.inputs.map((input) => input.name).join(', ');
    throw new UsageError(`inputs.${name}: the model has no such input; its inputs are ${names}`, {
      key: `inputs.${name}`,
    });
  }
  const tensors: RowTensor[] = [];
  const collate: CollateInput[] = [];
  model.inputs.forEach((input, tensor) => {
    const spec = job.inputs[input.name];
    const column = columnOf(input, spec, schema);
    const row = rowTensorOf(input, spec, column, schema);
    tensors.push(row);
    collate.push({ tensor, column, ...conversionOf(job, row, spec, column, schema) });
  });
  return { tensors, collate };
}

/** Columns of the source that the job names and that are not there are refused; which there are is said. */
export function checkColumns(job: Job, schema: Schema): void {
  const named: [key: string, columns: readonly string[]][] = [
    ['source.columns', job.source.columns ?? []],
    ['sink.keep', job.sink.keep],
  ];
  for (const [key, columns] of named) {
    for (const column of columns)
      if (!has(schema, column)) throw missing(key, column, job.source.uri, schema);
  }
}

function columnOf(input: ModelTensor, spec: InputSpec | undefined, schema: Schema): string {
  const column = spec?.column ?? input.name;
  if (has(schema, column)) return column;
  const names = schema.fields.map(({ name }) => name).join(', ');
  if (spec?.column !== undefined) {
    throw new UsageError(
      `inputs.${input.name}.column: the source has no column ${JSON.stringify(column)}; its columns are ${names}`,
      { key: `inputs.${input.name}.column`, column },
    );
  }
  const dims = input.dims ?? ['?'];
  throw new UsageError(
    `no column feeds the model's input ${input.name} (${describeTensor(input.dtype, dims)}); the source's columns are ${names}`,
    {
      key: `inputs.${input.name}`,
      hint: `Name one in the job file, as in inputs: { ${input.name}: { column: ${schema.fields[0]?.name ?? 'x'} } }.`,
    },
  );
}

/** The tensor of one row: the job's shape and type where it gives them, else the model's, else the column's width. */
function rowTensorOf(
  input: ModelTensor,
  spec: InputSpec | undefined,
  column: string,
  schema: Schema,
): RowTensor {
  const key = `inputs.${input.name}`;
  const dtype = spec?.dtype ?? input.dtype;
  if (dtype !== input.dtype) {
    throw new UsageError(`${key}.dtype: is ${dtype}, and the model's input ${input.name} is ${input.dtype}`, {
      key: `${key}.dtype`,
    });
  }
  const modelDims = input.dims?.slice(1);
  if (spec?.shape !== undefined) {
    const { shape } = spec;
    const agrees =
      modelDims === undefined ||
      (modelDims.length === shape.length &&
        modelDims.every((dim, i) => typeof dim === 'string' || dim === shape[i]));
    if (!agrees) {
      throw new UsageError(
        `${key}.shape: [${shape.join(', ')}] is not what the model takes for a row of ${input.name}: [${modelDims.join(', ')}]`,
        { key: `${key}.shape` },
      );
    }
    return { name: input.name, dtype, rowDims: [...shape] };
  }
  const rowDims = resolveDims(modelDims, leafOf(typeOf(schema, column))?.width);
  if (rowDims === undefined) {
    const shown = modelDims === undefined ? 'nothing of its shape' : `[${modelDims.join(', ')}]`;
    throw new UsageError(
      `${key}: the model says ${shown} for a row of ${input.name}, so the job must give its shape`,
      {
        key: `${key}.shape`,
        hint: `Add ${key}.shape, the shape of one row without the batch dimension.`,
      },
    );
  }
  return { name: input.name, dtype, rowDims };
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

function conversionOf(
  job: Job,
  row: RowTensor,
  spec: InputSpec | undefined,
  column: string,
  schema: Schema,
): Pick<CollateInput, 'source' | 'factor' | 'term'> {
  const { scale, mean, std } = spec ?? { scale: 1, mean: 0, std: 1 };
  const type = typeOf(schema, column);
  const tensor = `input ${row.name} (a row is ${describeTensor(row.dtype, row.rowDims)})`;
  const refuse = (why: string): UsageError =>
    new UsageError(
      `column ${JSON.stringify(column)} (${type}) of ${job.source.uri} does not fit ${tensor}: ${why}`,
      { key: `inputs.${row.name}`, column },
    );
  const leaf = leafOf(type);
  if (leaf === undefined) throw refuse('it holds no numbers');
  const size = sizeOf(row.rowDims);
  if (leaf.width !== undefined && leaf.width !== size) {
    throw refuse(`it has ${leaf.width} values a row, and the tensor takes ${size}`);
  }
  const affine = scale !== 1 || mean !== 0 || std !== 1;
  const reason = refusal(leaf.dtype, row.dtype, affine);
  if (reason !== undefined) throw refuse(reason);
  // (value × scale − mean) ÷ std as one multiplication and one addition.
  return { source: leaf.dtype, factor: scale / std, term: mean === 0 ? 0 : -mean / std };
}

function missing(key: string, column: string, uri: string, schema: Schema): UsageError {
  const names = schema.fields.map(({ name }) => name).join(', ');
  return new UsageError(`${key}: ${uri} has no column ${JSON.stringify(column)}; its columns are ${names}`, {
    key,
    column,
  });
}

const has = (schema: Schema, column: string): boolean => schema.fields.some(({ name }) => name === column);

function typeOf(schema: Schema, column: string): Schema['fields'][number]['type'] {
  const field = schema.fields.find(({ name }) => name === column);
  if (field === undefined) throw new RangeError(`no column ${column}`);
  return field.type;
}
