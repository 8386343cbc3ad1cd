import { now } from '../clock/now.js';
import { type ClockPage, ClockReader, ConsumerState } from '../clock/state-clock.js';
import { StuckError } from '../util/errors.js';

/**
 * Looks after consumers: calls `onStuck` for one whose run has taken longer than `limitMs`, once each. A thread that
 * hangs in native code can't say so itself. Returns what ends the watch.
 */
export function watchForHangs(
  clocks: ClockPage,
  limitMs: number,
  onStuck: (consumer: number, error: StuckError) => void,
): () => void {
  const reader = new ClockReader(clocks);
  const told = new Set<number>();
  const look = (): void => {
    for (let consumer = 0; consumer < reader.count; consumer++) {
      const { state, since } = reader.current(consumer);
      if (told.has(consumer) || state !== ConsumerState.running || now() - since < limitMs * 1000) continue;
      told.add(consumer);
      onStuck(consumer, stuck(limitMs));
    }
  };
  const timer = setInterval(look, Math.max(10, Math.min(1000, limitMs / 4)));
  timer.unref();
  return () => clearInterval(timer);
}

function stuck(limitMs: number): StuckError {
  const limit = limitMs < 1000 ? `${limitMs} ms` : `${limitMs / 1000} s`;
  return new StuckError(`a run of the model has not come back within ${limit}: the device hangs`, {
    key: 'model.runTimeoutMs',
    hint: 'What is complete is written: run the same job again, it goes on from there. Raise model.runTimeoutMs where runs take that long.',
  });
}
