import type { Terminal } from './terminal.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** `npx` and `npm run` hand on the Ctrl-C that the terminal has sent to us already: two within this time are one. */
const ECHO_MS = 100;

/** What a command learns of Ctrl-C and SIGTERM. */
export interface Interruption {
  /** Aborted by the first one: time to stop cleanly. */
  readonly signal: AbortSignal;
  /** Done at the second one, which ends the process on the spot. */
  lastWish: () => void;
}

/**
 * Does `work`, which Ctrl-C or SIGTERM interrupts.
 *
 * @param notice what is printed at the first one
 */
export async function interruptible<T>(
  terminal: Terminal,
  work: (interruption: Interruption) => Promise<T>,
  notice = 'stopping after the batches in flight; press Ctrl-C again to stop at once',
): Promise<T> {
  const controller = new AbortController();
  const interruption: Interruption = { signal: controller.signal, lastWish: () => {} };
  let interruptedAt: number | undefined;
  const onSignal = (): void => {
    const at = performance.now();
    if (interruptedAt === undefined) {
      interruptedAt = at;
      terminal.print(`penstock: ${notice}`);
      controller.abort();
    } else if (at - interruptedAt > ECHO_MS) {
      interruption.lastWish();
      terminal.erase();
      dieOfInterrupt(onSignal);
    }
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
function dieOfInterrupt(onSignal: () => void): void {
  for (const signal of SIGNALS) process.off(signal, onSignal);
  process.kill(process.pid, 'SIGINT');
  // The first process of a container outlives its own signals.
  process.exit(130);
}
