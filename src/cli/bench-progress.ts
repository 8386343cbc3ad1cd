import type { BenchProgress } from '../bench/progress.js';
import { StepDisplay, type StepWords, stepLine } from './step-progress.js';
import type { Colors, Terminal } from './terminal.js';

const WORDS: StepWords<BenchProgress> = {
  step: stepOf,
  logged: ({ detail, ...progress }) =>
    stepOf(progress.stage === 'sweep' && detail !== undefined ? { ...progress, detail } : progress),
  parts: ({ rounds }) => `${rounds} rounds`,
};

/** `round 2 of 5: device, batches of 128` */
function stepOf({ stage, detail, round, rounds }: BenchProgress): string {
  const step = [stage, ...(detail === undefined ? [] : [detail])].join(', ');
  return round > 0 ? `round ${round} of ${rounds}: ${step}` : step;
}

/** The live line of a bench: as much as fits into `width` columns. */
export const benchLine = (name: string, progress: BenchProgress, width: number, colors: Colors): string =>
  stepLine(name, stepOf(progress), progress, width, colors);

/** Shows how far a bench is. */
export class BenchProgressDisplay extends StepDisplay<BenchProgress> {
  constructor(terminal: Terminal, name: string) {
    super(terminal, name, WORDS);
  }
}
