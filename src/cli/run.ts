import { loadJob } from '../job/load.js';
import { runJob } from '../job/run-job.js';
import type { Report } from '../measure/report.js';
import { StuckError } from '../util/errors.js';
import { endProcess } from './end-process.js';
import { fail } from './fail.js';
import type { Interruption } from './interrupt.js';
import { ProgressDisplay } from './progress.js';
import { reportText } from './report-text.js';
import type { Terminal } from './terminal.js';

export interface RunFlags {
  readonly json: boolean;
  readonly set: readonly string[];
  readonly overwrite: boolean;
}

/** `penstock run` */
export async function run(
  file: string,
  flags: RunFlags,
  terminal: Terminal,
  { signal }: Interruption,
): Promise<number> {
  let name: string | undefined;
  try {
    const job = await loadJob(file, { set: flags.set });
    name = job.name;
    const { show } = new ProgressDisplay(terminal, job.name);
    const report = await runJob(job, { signal, onProgress: show, overwrite: flags.overwrite });
    if (flags.json) terminal.document(report);
    else {
      const output = job.sink.format === 'none' ? undefined : job.sink.uri;
      terminal.print(reportText(report, output, { colors: terminal.colors, width: terminal.textWidth }));
    }
    return exitCodeOf(report);
  } catch (error) {
    const code = fail(error, terminal, { json: flags.json, job: name });
    if (error instanceof StuckError) {
      await endProcess(code);
    }
    return code;
  }
}

/** DESIGN §9. */
function exitCodeOf({ rows }: Report): number {
  return rows.deadLettered > 0 ? 3 : 0;
}
