import type { Terminal } from './terminal.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** `npx` and `npm run` hand on the Ctrl-C that the terminal has sent to us already: two within this time are one. */
const ECHO_MS = 100;

/** What a command learns of Ctrl-C and SIGTERM. */
export interface Interruption {
  /** Aborted by the first one: time to stop cleanly. */
  readonly signal: AbortSignal;
  /** Aborted by the second one, of a command that stops in two steps: time to stop soon. */
  readonly urgent: AbortSignal;
  /** Which one was the first. */
  by: NodeJS.Signals | undefined;
  /** Done at the last one, which ends the process on the spot. */
  lastWish: () => void;
}

const STOPPING = 'stopping after the batches in flight; press Ctrl-C again to stop at once';

/**
 * Does `work`, which Ctrl-C or SIGTERM interrupts.
 *
 * @param notices what is printed at the first one; and at the second, where that does not end the process but a third one does
 */
export async function interruptible<T>(
  terminal: Terminal,
  work: (interruption: Interruption) => Promise<T>,
  ...notices: readonly string[]
): Promise<T> {
  const steps = notices.length === 0 ? [STOPPING] : notices;
  const [first, urgent] = [new AbortController(), new AbortController()];
  const interruption: Interruption = {
    signal: first.signal,
    urgent: urgent.signal,
    by: undefined,
    lastWish: () => {},
  };
  let count = 0;
  let lastAt = Number.NEGATIVE_INFINITY;
  const onSignal = (signal: NodeJS.Signals): void => {
    const at = performance.now();
    if (at - lastAt <= ECHO_MS) return;
    lastAt = at;
    terminal.takeLine();
    const notice = steps[count++];
    if (notice === undefined) {
      interruption.lastWish();
      terminal.erase();
      dieOfInterrupt(onSignal);
      return;
    }
    interruption.by ??= signal;
    terminal.say(`penstock: ${notice}`);
    (count === 1 ? first : urgent).abort();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  try {
    return await work(interruption);
  } finally {
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }
}

/**
 * Ends the process with what a shell shows as 130. Not by process.exit: that waits for a thread in the middle of a run
 * of ONNX Runtime, and then aborts with 134.
 */
function dieOfInterrupt(onSignal: (signal: NodeJS.Signals) => void): void {
  for (const signal of SIGNALS) process.off(signal, onSignal);
  process.kill(process.pid, 'SIGINT');
  // The first process of a container outlives its own signals.
  process.exit(130);
}
