import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadJob } from '../job/load.js';
import { runJob } from '../job/run-job.js';
import { InterruptedError, StorageError, UsageError } from '../util/errors.js';
import { reasonOf } from '../util/system-error.js';
import { countRight, repeatDigits } from './digits.js';
import { fail } from './fail.js';
import type { Interruption } from './interrupt.js';
import { labelled } from './labels.js';
import { ProgressDisplay } from './progress.js';
import { reportText, shortPath } from './report-text.js';
import type { Terminal } from './terminal.js';
import { bytes, percentExact, whole, wrap } from './text.js';

export interface DemoFlags {
  readonly json: boolean;
  readonly rows: number;
  /** Where data set and output are kept; both are temporary where left out. */
  readonly keep?: string;
}

/** There in the repository and in the package. */
const EXAMPLE = fileURLToPath(new URL('../../examples/digits/', import.meta.url));
/** Digits in it. */
const SCANNED = 2000;
const JOB = join(EXAMPLE, 'job.yaml');
/** How whoever has started this starts it again. */
const SELF = process.env.npm_command === 'exec' ? 'npx penstock' : 'penstock';

/** `penstock demo` */
export async function demo(
  flags: DemoFlags,
  terminal: Terminal,
  interruption: Interruption,
): Promise<number> {
  try {
    const folder = flags.keep === undefined ? await temporaryFolder() : await emptyFolder(flags.keep);
    const cleanUp = (): void => {
      if (flags.keep === undefined) rmSync(folder, { recursive: true, force: true });
    };
    interruption.lastWish = cleanUp;
    try {
      await runDemo(folder, flags, terminal, interruption.signal);
    } finally {
      cleanUp();
    }
    return 0;
  } catch (error) {
    // The job's own message tells how to go on with the same command; a demo begins anew.
    const rest =
      flags.keep === undefined ? 'the temporary files are deleted' : `what is done is in ${flags.keep}`;
    const shown = error instanceof InterruptedError ? new InterruptedError(`interrupted; ${rest}`) : error;
    return fail(shown, terminal, { json: flags.json, job: 'digits' });
  }
}

async function runDemo(
  folder: string,
  { json, rows, keep }: DemoFlags,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const { style, textWidth } = terminal;
  const paragraph = (text: string): void => terminal.print(wrap(text, textWidth).join('\n'));
  const repeated = rows > SCANNED ? ` (${whole(SCANNED)} scanned ones, over and over)` : '';
  paragraph(
    `A real job from end to end: ${whole(rows)} handwritten digits${repeated} are read from an Arrow file, recognised ` +
      'by a small neural network, and written to Arrow files, which are then read back and checked.',
  );
  terminal.print('');

  const data = join(folder, 'digits.arrow');
  const output = join(folder, 'out');
  // As JSON, which is YAML too: a bare path could be taken for something else.
  const set = [`source.uri=${JSON.stringify(data)}`, `sink.uri=${JSON.stringify(output)}`];
  const job = await loadJob(JOB, { set });
  const { show } = new ProgressDisplay(terminal, job.name);
  await repeatDigits(join(EXAMPLE, 'digits.arrow'), data, rows, signal);
  const report = await runJob(job, { signal, onProgress: show });
  const right = await countRight(output, rows);
  const accuracy = right / rows;

  if (json) {
    terminal.document({
      ...report,
      demo: { rows, right, accuracy, folder: keep === undefined ? null : folder },
    });
    return;
  }
  const checked =
    `each of the ${whole(rows)} rows is there once and in order; the network, which was trained on other digits, ` +
    `reads ${percentExact(accuracy)} of them right`;
  terminal.print(
    [reportText(report, undefined, style), ...labelled('checked', checked, style), ''].join('\n'),
  );
  const { size } = await stat(data);
  if (keep === undefined) {
    paragraph(
      `The temporary files (${bytes(size)} in, and what came out) are deleted; --keep DIR leaves them there.`,
    );
    paragraph('Next, the same job by itself, with its output here; and then data and a model of yours:');
    const here = ['--set', `sink.uri=${resolve('digits')}`];
    terminal.print(`  ${SELF} run ${[shortPath(JOB), ...here].map(quoted).join(' ')}`);
    terminal.print(`  ${SELF} inspect DATA --model MODEL`);
    return;
  }
  paragraph(
    `Kept in ${shortPath(folder)}: digits.arrow (${bytes(size)}) and the answers in out. To run it again your way:`,
  );
  const again = [
    JOB,
    '--set',
    `source.uri=${data}`,
    '--set',
    `sink.uri=${output}-256`,
    '--set',
    'batch.size=256',
  ];
  terminal.print(`  ${SELF} run ${again.map(quoted).join(' ')}`);
}

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w./:=@+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

async function temporaryFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'penstock-demo-')).catch((cause) => {
    throw new StorageError(
      `${tmpdir()}: no temporary folder can be made here: ${reasonOf(cause, { ENOENT: 'it is not there' })}`,
      {
        file: tmpdir(),
        hint: 'Say where by the environment variable TMPDIR, or by --keep DIR.',
        cause,
      },
    );
  });
}

/** The folder of `--keep`: it must be new or empty, so that nothing of anybody's is written over. */
async function emptyFolder(path: string): Promise<string> {
  const folder = resolve(path);
  const found = await mkdir(folder, { recursive: true })
    .then(() => readdir(folder))
    .catch((cause) => {
      throw new StorageError(`--keep ${path}: the folder can't be made: ${reasonOf(cause)}`, {
        file: path,
        cause,
      });
    });
  if (found.length === 0) return folder;
  throw new UsageError(`--keep ${path}: is not empty (${found[0]})`, {
    file: path,
    hint: 'Name a folder that is empty or not there yet.',
  });
}
