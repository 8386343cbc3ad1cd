import type { StressProgress } from '../stress/progress.js';
import { SERVER_NAMES } from '../stress/warnings.js';
import { StepDisplay, type StepWords, stepLine } from './step-progress.js';
import type { Colors, Terminal } from './terminal.js';

const WORDS: StepWords<StressProgress> = { step: stepOf, parts: ({ steps }) => `${steps} steps` };

/** `3 of 24: steady, 80 %, point to point` */
function stepOf({ step, server, number, steps }: StressProgress): string {
  const told = server === undefined ? step : `${step}, ${SERVER_NAMES[server]}`;
  return number > 0 ? `${number} of ${steps}: ${told}` : told;
}

/** The live line of a stress test: as much as fits into `width` columns. */
export const stressLine = (name: string, progress: StressProgress, width: number, colors: Colors): string =>
  stepLine(name, stepOf(progress), progress, width, colors);

/** Shows how far a stress test is. */
export class StressProgressDisplay extends StepDisplay<StressProgress> {
  constructor(terminal: Terminal, name: string) {
    super(terminal, name, WORDS);
  }
}
