import { type Shard, shardText } from '../dataset/shard.js';
import { loadJob } from '../job/load.js';
import { runJob } from '../job/run-job.js';
import type { Progress } from '../measure/progress.js';
import type { Report } from '../measure/report.js';
import type { Timeline } from '../measure/timeline.js';
import type { WatchedRun } from '../page/live/watch-run.js';
import { reportPage } from '../page/page.js';
import { InterruptedError, StuckError, UsageError } from '../util/errors.js';
import { endProcess } from './end-process.js';
import { errorDocument, fail } from './fail.js';
import type { Interruption } from './interrupt.js';
import { labelled } from './labels.js';
import { OutputFile } from './output-file.js';
import { Interval, ProgressDisplay } from './progress.js';
import { reportText, shortPath } from './report-text.js';
import type { Terminal } from './terminal.js';

export interface RunFlags {
  readonly json: boolean;
  readonly set: readonly string[];
  readonly overwrite: boolean;
  /** The part of the data set that is run; all where left out. */
  readonly shard?: Shard;
  /** A page to be written about the run. */
  readonly report?: string;
  /** A file for a trace of it. */
  readonly trace?: string;
  /** Shown as it goes, on a port; true: on any that is free. */
  readonly ui?: number | true;
}

/** `penstock run` */
export async function run(
  file: string,
  flags: RunFlags,
  terminal: Terminal,
  { signal }: Interruption,
): Promise<number> {
  const { json, set, overwrite, shard } = flags;
  let name: string | undefined;
  let files: Files | undefined;
  let trace: string | undefined;
  let live: WatchedRun | undefined;
  const soFar = new Interval();
  let last: Progress | undefined;
  let timeline: Timeline | undefined;
  try {
    checkFlags(flags);
    files = await Files.of(flags, terminal);
    const job = await loadJob(file, { set });
    name = job.name;
    const title = shard === undefined ? name : `shard ${shardText(shard)} of ${name}`;
    live = await watch(title, flags.ui, terminal);
    const { show } = new ProgressDisplay(terminal, title);
    const onProgress = (progress: Progress): void => {
      show(progress);
      live?.progress(progress);
      soFar.add(progress);
      last = progress;
    };
    const onTrace = (text: string): void => {
      trace = text;
    };
    const report = await runJob(job, {
      signal,
      onProgress,
      onStopped: (until) => {
        timeline = until;
      },
      overwrite,
      ...(shard !== undefined && { shard }),
      ...(flags.trace !== undefined && { onTrace }),
    });
    live?.end('completed');
    if (json) terminal.document(report);
    else {
      const output = job.sink.format === 'none' ? undefined : job.sink.uri;
      terminal.print(reportText(report, output, terminal.style));
    }
    return (await files.write(report, trace)) || exitCodeOf(report);
  } catch (error) {
    live?.end(error instanceof InterruptedError ? 'interrupted' : 'failed');
    const code = fail(error, terminal, { json, job: name });
    // A job that was not even read has nothing to show.
    if (name !== undefined) {
      const progress = last !== undefined && last.rows > 0 ? { progress: soFar.close(last) } : {};
      await files?.write(
        { ...errorDocument(error, name), ...progress, ...(timeline && { timeline }) },
        trace,
      );
    }
    if (error instanceof StuckError) {
      await endProcess(code);
    }
    return code;
  } finally {
    await live?.[Symbol.asyncDispose]();
  }
}

function checkFlags({ shard, overwrite }: RunFlags): void {
  if (shard === undefined || !overwrite) return;
  throw new UsageError('--overwrite replaces the whole output, and --shard writes only a part of it', {
    hint: 'Remove the output before the first shard is run, or overwrite it by a run without --shard or by penstock submit --overwrite.',
  });
}

/** The page that shows the run as it goes, where it is wanted: it is told where that is. */
async function watch(name: string, ui: RunFlags['ui'], terminal: Terminal): Promise<WatchedRun | undefined> {
  if (ui === undefined) return undefined;
  const { watchRun } = await import('../page/live/watch-run.js');
  const live = await watchRun(name, ui === true ? 0 : ui);
  const { style } = terminal;
  terminal.print(labelled('live', live.url, style).join('\n'));
  return live;
}

/** What is written beside the outputs, where it is wanted. */
class Files {
  readonly #page: OutputFile | undefined;
  readonly #trace: OutputFile | undefined;
  readonly #terminal: Terminal;
  readonly #json: boolean;

  private constructor(
    page: OutputFile | undefined,
    trace: OutputFile | undefined,
    terminal: Terminal,
    json: boolean,
  ) {
    this.#page = page;
    this.#trace = trace;
    this.#terminal = terminal;
    this.#json = json;
  }

  /** @throws UsageError where one can't be written */
  static async of({ report, trace, json }: RunFlags, terminal: Terminal): Promise<Files> {
    return new Files(
      report === undefined ? undefined : await OutputFile.at('--report', report, '.html'),
      trace === undefined ? undefined : await OutputFile.at('--trace', trace, '.json'),
      terminal,
      json,
    );
  }

  /**
   * What they tell of stays as it is, whatever becomes of them: where one can't be written that is told, and is the exit
   * code of a run that was well.
   */
  async write(document: Parameters<typeof reportPage>[0], trace: string | undefined): Promise<number> {
    const page = await this.#write('page', this.#page, () => reportPage(document));
    const traced = trace === undefined ? 0 : await this.#write('trace', this.#trace, () => trace);
    return page || traced;
  }

  async #write(label: string, file: OutputFile | undefined, text: () => string): Promise<number> {
    if (file === undefined) return 0;
    const terminal = this.#terminal;
    try {
      await file.write(text());
    } catch (error) {
      return fail(error, terminal, { json: false, job: undefined });
    }
    const { style } = terminal;
    if (!this.#json) terminal.print(labelled(label, shortPath(file.path), style).join('\n'));
    return 0;
  }
}

/** 3 where some rows could not be processed, and all others are written. */
function exitCodeOf({ rows }: Report): number {
  return rows.deadLettered > 0 ? 3 : 0;
}
