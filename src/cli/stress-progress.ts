import type { StressProgress } from '../stress/progress.js';
import { SERVER_NAMES } from '../stress/warnings.js';
import type { Colors, Terminal } from './terminal.js';
import { bar, duration, printable, stopwatch, truncate, widthOf } from './text.js';

const BAR_WIDTH = 20;
const LONGEST_NAME = 24;

/** The live line: as much as fits into `width` columns. */
export function stressLine(name: string, progress: StressProgress, width: number, colors: Colors): string {
  const title = truncate(printable(name), LONGEST_NAME);
  const meter = bar(progress.done, BAR_WIDTH).padEnd(BAR_WIDTH, '·');
  const rest = leftOf(progress);
  const clock = stopwatch(progress.elapsedSeconds);
  const step = stepOf(progress);
  if (widthOf([title, meter, clock, ...rest, step].join('  ')) > width)
    return truncate([title, clock, ...rest, step].join('  '), width);
  return [colors.bold(title), colors.cyan(meter), clock, ...rest.map(colors.dim), step].join('  ');
}

function leftOf({ totalSeconds, done }: StressProgress): string[] {
  return totalSeconds === undefined ? [] : [`about ${stopwatch((1 - done) * totalSeconds)} left`];
}

/** `3 of 24: steady, 80 %, point to point` */
function stepOf({ step, server, number, steps }: StressProgress): string {
  const told = server === undefined ? step : `${step}, ${SERVER_NAMES[server]}`;
  return number > 0 ? `${number} of ${steps}: ${told}` : told;
}

/** Shows how far a stress test is: one line drawn again and again on a terminal, a line a step in a log. */
export class StressProgressDisplay {
  readonly #terminal: Terminal;
  readonly #name: string;
  #said = '';
  #announced = false;

  constructor(terminal: Terminal, name: string) {
    this.#terminal = terminal;
    this.#name = name;
  }

  readonly show = (progress: StressProgress): void => {
    const terminal = this.#terminal;
    const { totalSeconds, steps } = progress;
    if (totalSeconds !== undefined && !this.#announced) {
      this.#announced = true;
      terminal.say(`${printable(this.#name)}: this takes about ${duration(totalSeconds)}, in ${steps} steps`);
    }
    if (terminal.isLive) {
      terminal.draw(stressLine(this.#name, progress, terminal.columns, terminal.colors));
      return;
    }
    const said = stepOf(progress);
    if (said === this.#said) return;
    this.#said = said;
    terminal.print(`${printable(this.#name)} ${stopwatch(progress.elapsedSeconds)}  ${said}`);
  };
}
