import { stringify } from 'yaml';
import {
  type DatasetInspection,
  inspectDataset,
  inspectModel,
  looksLikeModel,
  type ModelInspection,
  type Proposal,
  proposeInputs,
} from '../job/inspect.js';
import { resolveLocation } from '../job/location.js';
import { describeTensor } from '../util/dtype.js';
import { fail } from './fail.js';
import type { Terminal } from './terminal.js';
import { bytes, counted, wrap } from './text.js';

export interface InspectFlags {
  readonly json: boolean;
  readonly model?: string;
  readonly format?: string;
}

/** `penstock inspect` */
export async function inspect(uri: string, flags: InspectFlags, terminal: Terminal): Promise<number> {
  try {
    const location = resolveLocation(uri, process.cwd());
    if (flags.model === undefined && looksLikeModel(location)) {
      show(terminal, flags, [await inspectModel(location)]);
    } else {
      await inspectData(location, flags, terminal);
    }
    return 0;
  } catch (error) {
    return fail(error, terminal, { json: flags.json, job: undefined });
  }
}

async function inspectData(location: string, flags: InspectFlags, terminal: Terminal): Promise<void> {
  const { format, model: modelUri } = flags;
  const { inspection, schema } = await inspectDataset(location, format === undefined ? {} : { format });
  if (modelUri === undefined) return show(terminal, flags, [inspection]);
  const model = await inspectModel(resolveLocation(modelUri, process.cwd()));
  const proposal = proposeInputs(model.inputs, schema, location);
  show(terminal, flags, [inspection, model], proposal);
}

type Inspection = DatasetInspection | ModelInspection;

/** For people on stderr; the proposal, which is a piece of a job file, on stdout. */
function show(
  terminal: Terminal,
  { json }: InspectFlags,
  inspections: readonly Inspection[],
  proposal?: Proposal,
): void {
  if (json) {
    const [first] = inspections;
    const [dataset, model] = inspections;
    const { inputs, lengthColumn, notes } = proposal ?? {};
    terminal.document(
      proposal === undefined
        ? first
        : { dataset, model, proposal: { inputs, lengthColumn: lengthColumn ?? null, notes } },
    );
    return;
  }
  for (const inspection of inspections) {
    terminal.print(
      inspection.kind === 'dataset' ? datasetText(inspection, terminal) : modelText(inspection, terminal),
    );
  }
  if (proposal === undefined) return;
  for (const note of proposal.notes) terminal.print(wrap(`• ${note}`, terminal.textWidth).join('\n  '));
  const { inputs, lengthColumn } = proposal;
  const batch = lengthColumn === undefined ? {} : { batch: { lengthColumn } };
  terminal.text(stringify({ inputs, ...batch }));
}

function datasetText(inspection: DatasetInspection, { colors }: Terminal): string {
  const { uri, format, compression, files, bytes: size, rows, splits, columns } = inspection;
  const width = Math.max(...columns.map(({ name }) => name.length), 0);
  const lines = columns.map(
    ({ name, type, nullable }) =>
      `  ${name.padEnd(width)}  ${type}${nullable ? colors.dim(', may be null') : ''}`,
  );
  const counts = [counted(rows, 'row'), bytes(size), counted(files, 'file'), counted(splits, 'split')];
  return [
    `${colors.bold(uri)} (${[format, ...compression].join(', ')})`,
    `  ${counts.join(', ')}`,
    '',
    ...lines,
    '',
  ].join('\n');
}

function modelText(
  { uri, device, inputs, outputs, warnings }: ModelInspection,
  { colors }: Terminal,
): string {
  const width = Math.max(...[...inputs, ...outputs].map(({ name }) => name.length));
  const tensors = (tensors: ModelInspection['inputs']): string[] =>
    tensors.map(
      ({ name, dtype, dims, isText, unsupported }) =>
        `  ${name.padEnd(width)}  ${unsupported === undefined ? describeTensor(isText ? 'string' : dtype, dims ?? ['?']) : `${unsupported}, which can't be written`}`,
    );
  return [
    `${colors.bold(uri)} (${device.runtime})`,
    colors.dim(`${counted(inputs.length, 'input')}`),
    ...tensors(inputs),
    colors.dim(`${counted(outputs.length, 'output')}`),
    ...tensors(outputs),
    ...warnings,
    '',
  ].join('\n');
}
