import type { BenchProgress } from '../bench/progress.js';
import type { Colors, Terminal } from './terminal.js';
import { bar, duration, printable, stopwatch, truncate, widthOf } from './text.js';

const BAR_WIDTH = 20;
const LONGEST_NAME = 24;

/** The live line: as much as fits into `width` columns. */
export function benchLine(name: string, progress: BenchProgress, width: number, colors: Colors): string {
  const title = truncate(printable(name), LONGEST_NAME);
  const meter = bar(progress.done, BAR_WIDTH).padEnd(BAR_WIDTH, '·');
  const rest = leftOf(progress);
  const pieces = [title, meter, stopwatch(progress.elapsedSeconds), ...rest, stepOf(progress)];
  if (widthOf(pieces.join('  ')) > width) {
    return truncate([title, stopwatch(progress.elapsedSeconds), ...rest, stepOf(progress)].join('  '), width);
  }
  const painted = [colors.bold(title), colors.cyan(meter), stopwatch(progress.elapsedSeconds)];
  return [...painted, ...rest.map(colors.dim), stepOf(progress)].join('  ');
}

function leftOf({ totalSeconds, done }: BenchProgress): string[] {
  return totalSeconds === undefined ? [] : [`about ${stopwatch((1 - done) * totalSeconds)} left`];
}

/** `round 2 of 5: device, batches of 128` */
function stepOf({ stage, detail, round, rounds }: BenchProgress): string {
  const step = [stage, ...(detail === undefined ? [] : [detail])].join(', ');
  return round > 0 ? `round ${round} of ${rounds}: ${step}` : step;
}

/** Shows how far a bench is: one line drawn again and again on a terminal, a line a stage in a log. */
export class BenchProgressDisplay {
  readonly #terminal: Terminal;
  readonly #name: string;
  #said = '';
  #announced = false;

  constructor(terminal: Terminal, name: string) {
    this.#terminal = terminal;
    this.#name = name;
  }

  readonly show = (progress: BenchProgress): void => {
    const terminal = this.#terminal;
    const { totalSeconds, rounds } = progress;
    if (totalSeconds !== undefined && !this.#announced) {
      this.#announced = true;
      const name = printable(this.#name);
      terminal.say(`${name}: this takes about ${duration(totalSeconds)}, in ${rounds} rounds`);
    }
    if (terminal.isLive) {
      terminal.draw(benchLine(this.#name, progress, terminal.columns, terminal.colors));
      return;
    }
    // The details of a step would fill the log.
    const { detail: _, ...step } = progress;
    const said = stepOf(progress.stage === 'sweep' ? progress : step);
    if (said === this.#said) return;
    this.#said = said;
    terminal.print(`${printable(this.#name)} ${stopwatch(progress.elapsedSeconds)}  ${said}`);
  };
}
