import type { Diagnosis, Finding, LibraryFinding, Status } from '../job/doctor/types.js';
import type { ReportStyle } from './labels.js';
import { filled, pad, printable, widthOf, wrap } from './text.js';

const SIGNS: Readonly<Record<Status, string>> = { ok: '✓', absent: '–', broken: '✗' };

const LEGEND = ['✓ works', '– is not here', '✗ is here and does not work', '→ what to do about it'];

/** Columns of a name, where all of a section's are shorter. */
const LEAST_NAME = 10;
/** Of what is told beside a name; what would be narrower stands below it. */
const LEAST_DETAIL = 30;

/** A diagnosis for people: a list with a sign a line, and what to do under it. */
export function doctorText(diagnosis: Diagnosis, style: ReportStyle): string {
  const { colors, width } = style;
  const { penstock, onnxruntime, providers, packages, gpus, adapter, pinnedMemory, machineFindings } =
    diagnosis;
  const said = new Set<string>();
  const lines = [
    colors.bold(`Penstock ${penstock}`),
    ...filled(LEGEND, '   ', width).map((line) => colors.dim(line)),
  ];
  const section = (title: string, findings: readonly Finding[]): void => {
    lines.push('', ...wrap(title, width).map(colors.bold), ...sectionLines(findings, said, style));
  };
  section('Machine', machineFindings);
  section('GPUs', [gpus, adapter, pinnedMemory]);
  section(
    `ONNX Runtime ${onnxruntime.version ?? 'is not installed'}: each provider has run a small model`,
    providers,
  );
  if (onnxruntime.cudaWanted !== null) {
    section('Libraries that the cuda provider wants', cudaFindings(diagnosis));
  }
  section('Optional packages', packages);
  lines.push('', ...wrap(verdict(diagnosis), width).map((line) => colors.bold(line)));
  return lines.join('\n');
}

function sectionLines(findings: readonly Finding[], said: Set<string>, style: ReportStyle): string[] {
  const { colors, width } = style;
  const longest = Math.max(LEAST_NAME, ...findings.map(({ name }) => widthOf(name)));
  // Sign and spaces, name, space.
  const beside = longest + 6;
  const isBelow = width - beside < LEAST_DETAIL;
  const indent = ' '.repeat(isBelow ? 6 : beside);
  const paint = { ok: colors.green, absent: colors.dim, broken: colors.red };
  return findings.flatMap(({ name, status, detail, todo }) => {
    const told = wrap(printable(detail), width - indent.length);
    const head = `  ${paint[status](SIGNS[status])} `;
    // What was said once need not be said again under the next line that needs the same.
    const steps = todo.filter((step) => !said.has(step));
    for (const step of steps) said.add(step);
    return [
      ...(isBelow
        ? [head + name, ...told.map((line) => indent + line)]
        : columns(head + pad(name, longest + 2), told, indent)),
      ...steps.flatMap((step) => {
        const [first = '', ...tail] = wrap(step, width - indent.length - 2);
        return [`${indent}→ ${first}`, ...tail.map((line) => `${indent}  ${line}`)].map(colors.yellow);
      }),
    ];
  });
}

function columns(head: string, [first = '', ...others]: readonly string[], indent: string): string[] {
  return [`${head}${first}`.trimEnd(), ...others.map((line) => indent + line)];
}

/** The libraries in two lines: a newcomer installs CUDA and cuDNN, not six files. */
function cudaFindings({ libraries, onnxruntime, gpus }: Diagnosis): Finding[] {
  const { cudaWanted, cudnnWanted } = onnxruntime;
  const needed = gpus.devices.length > 0;
  const cudnn = libraries.filter(({ name }) => name.startsWith('libcudnn'));
  const cuda = libraries.filter((library) => !cudnn.includes(library));
  return [
    summarise(`CUDA ${cudaWanted ?? ''}`, cuda, needed),
    ...(cudnn.length > 0 ? [summarise(`cuDNN ${cudnnWanted ?? ''}`, cudnn, needed)] : []),
  ];
}

function summarise(name: string, libraries: readonly LibraryFinding[], needed: boolean): Finding {
  const found = libraries.filter(({ status }) => status === 'ok');
  const missing = libraries.filter(({ status }) => status !== 'ok');
  const foundText = found
    .map(({ name: file, version }) => `${stem(file)} ${version ?? ''}`.trimEnd())
    .join(', ');
  if (missing.length === 0) return { name, status: 'ok', detail: `found: ${foundText}`, todo: [] };
  const names = missing.map(({ name: file }) => file).join(', ');
  const rest = found.length > 0 ? `; found: ${foundText}` : '';
  if (!needed) {
    const detail =
      found.length > 0 ? `not found: ${names}${rest}` : 'not found, and no NVIDIA GPU would need it';
    return { name, status: 'absent', detail, todo: [] };
  }
  return {
    name,
    status: missing.some(({ status }) => status === 'broken') || found.length > 0 ? 'broken' : 'absent',
    detail: `not found: ${names}${rest}; looked along LD_LIBRARY_PATH and in the cache of ldconfig`,
    todo: [...new Set(missing.flatMap(({ todo }) => todo))],
  };
}

/** `libcudart.so.12` is libcudart. */
function stem(file: string): string {
  return file.replace(/\.so.*$/, '');
}

function verdict({ ok, providers, probeLimitSeconds }: Diagnosis): string {
  const running = providers
    .filter(({ status }) => status === 'ok')
    .map(({ name, software }) => (software ? `${name} (in software, for tests)` : name));
  const late = providers.some(({ detail }) => detail.startsWith('it did not answer'));
  const limit = late ? ` No probe was given more than ${probeLimitSeconds} s.` : '';
  if (!ok) return `Models can't run here: not even the cpu provider works.${limit}`;
  return `Models run here on ${running.join(', ')}.${limit}`;
}
