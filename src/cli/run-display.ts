import type { RunStatus } from '../cluster/status.js';
import type { Terminal } from './terminal.js';
import { bar, counted, perSecond, printable, stopwatch, truncate, whole } from './text.js';

const BAR_WIDTH = 16;
const LOG_EVERY_MS = 5000;

/** Shows how a run in the queue goes on: one line drawn again and again on a terminal, a line every few seconds in a log. */
export class RunDisplay {
  readonly #terminal: Terminal;
  readonly #name: string;
  readonly #startedAt = performance.now();
  #nextLog = 0;
  #unmet = '';

  constructor(terminal: Terminal, job: string) {
    this.#terminal = terminal;
    this.#name = printable(job);
  }

  readonly show = (status: RunStatus): void => {
    const terminal = this.#terminal;
    const unmet = status.unmet.join('; ');
    if (unmet !== this.#unmet && unmet !== '') {
      terminal.say(`penstock: nobody can take its shards: ${unmet}`, terminal.colors.yellow);
    }
    this.#unmet = unmet;
    const line = runLine(this.#name, status, (performance.now() - this.#startedAt) / 1000);
    if (terminal.isLive) {
      terminal.draw(truncate(line, terminal.columns));
      return;
    }
    const now = performance.now();
    if (now < this.#nextLog) return;
    this.#nextLog = now + LOG_EVERY_MS;
    terminal.print(line);
  };
}

/** One line about a run at work. */
function runLine(name: string, status: RunStatus, seconds: number): string {
  const { shards, rows, rowsPerSecond, secondsLeft, state } = status;
  const workers = new Set(status.working.map(({ worker }) => worker)).size;
  const pieces = [
    name,
    shards.total === 0 ? '' : bar(shards.done / shards.total, BAR_WIDTH).padEnd(BAR_WIDTH, '·'),
    `${whole(shards.done)}/${counted(shards.total, 'shard')}`,
    `${counted(rows, 'row')}`,
    ...(state === 'running' ? [perSecond(rowsPerSecond, 'rows'), counted(workers, 'worker')] : [state]),
    stopwatch(seconds),
    ...(secondsLeft === null ? [] : [`about ${stopwatch(secondsLeft)} left`]),
  ];
  return pieces.filter((piece) => piece !== '').join('  ');
}
