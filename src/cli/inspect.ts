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
import type { ModelTensor } from '../session/types.js';
import { describeTensor } from '../util/dtype.js';
import { fail } from './fail.js';
import type { Terminal } from './terminal.js';
import { bytes, counted, pad, printable, widthOf, wrap } from './text.js';

/** Columns of what is told beside a name; what would be narrower stands below it. */
const LEAST_TEXT = 24;

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
  for (const note of proposal.notes) terminal.print(wrap(`• ${note}`, terminal.textWidth - 2).join('\n  '));
  const { inputs, lengthColumn } = proposal;
  const batch = lengthColumn === undefined ? {} : { batch: { lengthColumn } };
  terminal.text(stringify({ inputs, ...batch }));
}

function datasetText(inspection: DatasetInspection, { colors, textWidth }: Terminal): string {
  const { uri, format, compression, files, bytes: size, rows, splits, columns } = inspection;
  const counts = [counted(rows, 'row'), bytes(size), counted(files, 'file'), counted(splits, 'split')];
  const described = columns.map(({ name, type, nullable }) => ({
    name: printable(name),
    text: nullable ? `${type}, may be null` : type,
  }));
  return [
    `${colors.bold(uri)} (${[format, ...compression].join(', ')})`,
    ...wrap(counts.join(', '), textWidth - 2).map((line) => `  ${line}`),
    '',
    ...listed(described, longestOf(described), textWidth),
    '',
  ].join('\n');
}

function modelText(
  { uri, device, inputs, outputs, warnings }: ModelInspection,
  { colors, textWidth }: Terminal,
): string {
  const [taken, given] = [inputs.map(described), outputs.map(described)];
  const longest = longestOf([...taken, ...given]);
  return [
    `${colors.bold(uri)} (${device.runtime})`,
    colors.dim(`${counted(inputs.length, 'input')}`),
    ...listed(taken, longest, textWidth),
    colors.dim(`${counted(outputs.length, 'output')}`),
    ...listed(given, longest, textWidth),
    ...warnings.flatMap((warning) => wrap(warning, textWidth)),
    '',
  ].join('\n');
}

/** A column, or a tensor, with what is told of it. */
interface Described {
  readonly name: string;
  readonly text: string;
}

function described({ name, dtype, dims, isText, unsupported }: ModelTensor): Described {
  const text =
    unsupported === undefined
      ? describeTensor(isText ? 'string' : dtype, dims ?? ['?'])
      : `${unsupported}, which can't be written`;
  return { name: printable(name), text };
}

const longestOf = (all: readonly Described[]): number => Math.max(0, ...all.map(({ name }) => widthOf(name)));

/** What is told beside the names; below them where that would be narrow. */
function listed(all: readonly Described[], longest: number, width: number): string[] {
  const isBelow = width - longest - 4 < LEAST_TEXT;
  const indent = ' '.repeat(isBelow ? 6 : longest + 4);
  return all.flatMap(({ name, text }) => {
    const [first = '', ...others] = wrap(text, width - indent.length);
    return [
      ...(isBelow ? [`  ${name}`, indent + first] : [`  ${pad(name, longest)}  ${first}`]),
      ...others.map((line) => indent + line),
    ];
  });
}
