import { rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { benchJob } from '../bench/bench-job.js';
import { parseSweep } from '../bench/sweep.js';
import { loadJob } from '../job/load.js';
import { reportPage } from '../page/page.js';
import { StuckError } from '../util/errors.js';
import { BenchProgressDisplay } from './bench-progress.js';
import { benchText } from './bench-text.js';
import { endProcess } from './end-process.js';
import { fail } from './fail.js';
import type { Interruption } from './interrupt.js';
import { labelled } from './labels.js';
import { OutputFile } from './output-file.js';
import { shortPath } from './report-text.js';
import type { Terminal } from './terminal.js';

export interface BenchFlags {
  readonly json: boolean;
  readonly set: readonly string[];
  readonly quick: boolean;
  readonly seconds?: number;
  readonly sweep: readonly string[];
  /** A page to be written about it. */
  readonly report?: string;
}

/** `penstock bench` */
export async function bench(
  file: string,
  flags: BenchFlags,
  terminal: Terminal,
  interruption: Interruption,
): Promise<number> {
  let name: string | undefined;
  let scratch: string | undefined;
  const removeScratch = (): void => {
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  };
  interruption.lastWish = removeScratch;
  try {
    const page =
      flags.report === undefined ? undefined : await OutputFile.at('--report', flags.report, '.html');
    const sweep = flags.sweep.map(parseSweep);
    const job = await loadJob(file, { set: flags.set });
    name = job.name;
    const { show } = new BenchProgressDisplay(terminal, job.name);
    const report = await benchJob(job, {
      signal: interruption.signal,
      onProgress: show,
      quick: flags.quick,
      ...(flags.seconds === undefined ? {} : { seconds: flags.seconds }),
      sweep,
      baseDir: dirname(resolve(file)),
      onScratch: (path) => {
        scratch = path;
      },
    });
    const { style } = terminal;
    if (flags.json) terminal.document(report);
    else terminal.print(benchText(report, style));
    if (page === undefined) return 0;
    await page.write(reportPage(report));
    if (!flags.json) terminal.print(labelled('page', shortPath(page.path), style).join('\n'));
    return 0;
  } catch (error) {
    const code = fail(error, terminal, { json: flags.json, job: name });
    if (error instanceof StuckError) {
      removeScratch();
      await endProcess(code);
    }
    return code;
  }
}
