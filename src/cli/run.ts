import { loadJob } from '../job/load.js';
import { runJob } from '../job/run-job.js';
import type { Progress } from '../measure/progress.js';
import type { Report } from '../measure/report.js';
import { reportPage } from '../page/page.js';
import { StuckError } from '../util/errors.js';
import { endProcess } from './end-process.js';
import { errorDocument, fail } from './fail.js';
import type { Interruption } from './interrupt.js';
import { OutputFile } from './output-file.js';
import { Interval, ProgressDisplay } from './progress.js';
import { labelled, reportText, shortPath } from './report-text.js';
import type { Terminal } from './terminal.js';

export interface RunFlags {
  readonly json: boolean;
  readonly set: readonly string[];
  readonly overwrite: boolean;
  /** A page to be written about the run. */
  readonly report?: string;
}

/** `penstock run` */
export async function run(
  file: string,
  flags: RunFlags,
  terminal: Terminal,
  { signal }: Interruption,
): Promise<number> {
  let name: string | undefined;
  let page: OutputFile | undefined;
  const soFar = new Interval();
  let last: Progress | undefined;
  try {
    if (flags.report !== undefined) page = await OutputFile.at('--report', flags.report, '.html');
    const job = await loadJob(file, { set: flags.set });
    name = job.name;
    const { show } = new ProgressDisplay(terminal, job.name);
    const onProgress = (progress: Progress): void => {
      show(progress);
      soFar.add(progress);
      last = progress;
    };
    const report = await runJob(job, { signal, onProgress, overwrite: flags.overwrite });
    if (flags.json) terminal.document(report);
    else {
      const output = job.sink.format === 'none' ? undefined : job.sink.uri;
      terminal.print(reportText(report, output, { colors: terminal.colors, width: terminal.textWidth }));
    }
    return (await writePage(page, report, flags, terminal)) || exitCodeOf(report);
  } catch (error) {
    const code = fail(error, terminal, { json: flags.json, job: name });
    // A job that was not even read has nothing to show.
    if (name !== undefined) {
      const progress = last !== undefined && last.rows > 0 ? { progress: soFar.close(last) } : {};
      await writePage(page, { ...errorDocument(error, name), ...progress }, flags, terminal);
    }
    if (error instanceof StuckError) {
      await endProcess(code);
    }
    return code;
  }
}

/**
 * Writes the page, where one is wanted. What it tells of stays as it is, whatever becomes of the page: where it can't be
 * written, that is told, and is the exit code of a run that was well.
 */
async function writePage(
  page: OutputFile | undefined,
  document: Parameters<typeof reportPage>[0],
  { json }: RunFlags,
  terminal: Terminal,
): Promise<number> {
  if (page === undefined) return 0;
  try {
    await page.write(reportPage(document));
  } catch (error) {
    return fail(error, terminal, { json: false, job: undefined });
  }
  const style = { colors: terminal.colors, width: terminal.textWidth };
  if (!json) terminal.print(labelled('page', shortPath(page.path), style).join('\n'));
  return 0;
}

/** DESIGN §9. */
function exitCodeOf({ rows }: Report): number {
  return rows.deadLettered > 0 ? 3 : 0;
}
