import { reportPage } from '../page/page.js';
import { loadServeConfig } from '../serve/config.js';
import { removeJobFoldersNow } from '../stress/data/job.js';
import { stressTest } from '../stress/stress.js';
import { readTrace } from '../stress/trace-file.js';
import { fail } from './fail.js';
import type { Interruption } from './interrupt.js';
import { labelled } from './labels.js';
import { OutputFile } from './output-file.js';
import { shortPath } from './report-text.js';
import { StressProgressDisplay } from './stress-progress.js';
import { stressText } from './stress-text.js';
import type { Terminal } from './terminal.js';

export interface StressFlags {
  readonly json: boolean;
  readonly set: readonly string[];
  readonly quick: boolean;
  readonly scenario: readonly string[];
  readonly seconds?: number;
  readonly seed: number;
  readonly rows: number;
  readonly endpoint?: string;
  /** A file of a load that was recorded. */
  readonly trace?: string;
  /** A page to be written about it. */
  readonly report?: string;
}

/** `penstock stress` */
export async function stress(
  file: string,
  flags: StressFlags,
  terminal: Terminal,
  interruption: Interruption,
): Promise<number> {
  const { signal } = interruption;
  interruption.lastWish = removeJobFoldersNow;
  let name: string | undefined;
  try {
    const page =
      flags.report === undefined ? undefined : await OutputFile.at('--report', flags.report, '.html');
    const trace = flags.trace === undefined ? undefined : await readTrace(flags.trace);
    const config = await loadServeConfig(file, { set: flags.set });
    name = config.name;
    const { show } = new StressProgressDisplay(terminal, name);
    const { quick, scenario: scenarios, seconds, seed, rows, endpoint } = flags;
    const report = await stressTest(config, {
      signal,
      onProgress: show,
      quick,
      scenarios,
      seed,
      rows,
      ...(seconds === undefined ? {} : { seconds }),
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(trace === undefined ? {} : { trace }),
    });
    const { style } = terminal;
    if (flags.json) terminal.document(report);
    else terminal.print(stressText(report, style));
    if (page === undefined) return 0;
    await page.write(reportPage(report));
    if (!flags.json) terminal.print(labelled('page', shortPath(page.path), style).join('\n'));
    return 0;
  } catch (error) {
    return fail(error, terminal, { json: flags.json, job: name });
  }
}
