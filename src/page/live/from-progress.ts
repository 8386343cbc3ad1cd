import type { Progress } from '../../measure/progress.js';
import type { LiveFrame, LiveState } from '../client/live/frame.js';

const JOB_STATES = { completed: 'completed', failed: 'failed', interrupted: 'stopped' } as const;

/** The progress of a run as a frame. `before`: the report before it, to which its rates and shares go back. */
export function progressFrame(
  name: string,
  progress: Progress,
  before: Progress | undefined,
  state: LiveState & ('running' | keyof typeof JOB_STATES),
): LiveFrame {
  const { elapsedSeconds, devices, rows, rowsPerSecond, splits, totalSplits, producers } = progress;
  return {
    at: Date.now(),
    seconds: elapsedSeconds - (before?.elapsedSeconds ?? 0),
    uptime: elapsedSeconds,
    state,
    endpoints: [],
    devices: devices.map(({ id, busy, starved, blocked }) => {
      const { fetch, prep, batching } = starved;
      return { id, about: null, busy, fetch, prep, batching, blocked, idle: 0 };
    }),
    jobs: [
      {
        name,
        state: state === 'running' ? 'running' : JOB_STATES[state],
        rows,
        rowsPerSecond,
        splits: totalSplits,
        splitsDone: splits,
        error: null,
      },
    ],
    producers: producers ?? null,
    memory: process.memoryUsage.rss(),
  };
}
