import type { Colors, Terminal } from './terminal.js';
import { bar, duration, printable, stopwatch, truncate, widthOf } from './text.js';

const BAR_WIDTH = 20;
const LONGEST_NAME = 24;

/** How far something is that goes on in steps, and takes a time that is known once it has begun. */
export interface StepProgress {
  /** Since the start. */
  readonly elapsedSeconds: number;
  /** How long all of it will take; undefined until that is known. */
  readonly totalSeconds: number | undefined;
  /** 0 to 1: how much of it is done. */
  readonly done: number;
}

/** How one kind of them is told. */
export interface StepWords<Progress> {
  /** What it is at: `round 2 of 5: device`. */
  readonly step: (progress: Progress) => string;
  /** The same in a log, where details would be too much. Default: as `step`. */
  readonly logged?: (progress: Progress) => string;
  /** Of what it consists: `5 rounds`. */
  readonly parts: (progress: Progress) => string;
}

/** The live line: as much as fits into `width` columns. */
export function stepLine(
  name: string,
  step: string,
  { done, elapsedSeconds, totalSeconds }: StepProgress,
  width: number,
  colors: Colors,
): string {
  const title = truncate(printable(name), LONGEST_NAME);
  const meter = bar(done, BAR_WIDTH).padEnd(BAR_WIDTH, '·');
  const clock = stopwatch(elapsedSeconds);
  const left = totalSeconds === undefined ? [] : [`about ${stopwatch((1 - done) * totalSeconds)} left`];
  if (widthOf([title, meter, clock, ...left, step].join('  ')) > width)
    return truncate([title, clock, ...left, step].join('  '), width);
  return [colors.bold(title), colors.cyan(meter), clock, ...left.map(colors.dim), step].join('  ');
}

/** Shows how far it is: one line drawn again and again on a terminal, a line a step in a log. */
export class StepDisplay<Progress extends StepProgress> {
  readonly #terminal: Terminal;
  readonly #name: string;
  readonly #words: StepWords<Progress>;
  #said = '';
  #announced = false;

  constructor(terminal: Terminal, name: string, words: StepWords<Progress>) {
    this.#terminal = terminal;
    this.#name = name;
    this.#words = words;
  }

  readonly show = (progress: Progress): void => {
    const terminal = this.#terminal;
    const { step, logged = step, parts } = this.#words;
    const { totalSeconds, elapsedSeconds } = progress;
    const name = printable(this.#name);
    if (totalSeconds !== undefined && !this.#announced) {
      this.#announced = true;
      terminal.say(`${name}: this takes about ${duration(totalSeconds)}, in ${parts(progress)}`);
    }
    if (terminal.isLive) {
      terminal.draw(stepLine(this.#name, step(progress), progress, terminal.columns, terminal.colors));
      return;
    }
    const said = logged(progress);
    if (said === this.#said) return;
    this.#said = said;
    terminal.print(`${name} ${stopwatch(elapsedSeconds)}  ${said}`);
  };
}
