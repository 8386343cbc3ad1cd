import type { GatePlace } from '../consume/gate-page.js';
import type { SampledDevice } from '../measure/sampled-device.js';
import type { SessionDevice } from '../session/types.js';

/** How a job shares its devices with others that run there: it takes its turn for each batch, and makes them short. */
export interface Sharing {
  /** How long one of its batches may hold a device, microseconds. */
  readonly quantumMicros: number;
  /** Asks for places at the gate of a device, one for each of the job's sessions there. */
  join(device: SessionDevice, sessions: number): Promise<readonly GatePlace[]>;
  /** The job was stopped: its sessions need not wait for their turn any more. */
  wake(): void;
  /** The devices as the job sees them, before its first batch. */
  started(devices: readonly SampledDevice[]): void;
}

/** A batch that is to be over within a quantum. */
export interface BoundedSize {
  readonly size: number;
  /** Undefined where the job's own batches are short enough. */
  readonly because: string | undefined;
  readonly warning: string | undefined;
}

/**
 * What of the quantum a batch may take. Requests that come while it runs are a larger batch when it is their turn: with that,
 * they are answered no more than a quantum later than they were without the job.
 */
const OF_QUANTUM = 2 / 3;

/**
 * The rows that a batch may have to be over within its share of a quantum, tried from one row on.
 *
 * @param time how long a batch of so many rows takes, microseconds
 * @param most rows of the job's own batches
 */
export async function boundedSize(
  time: (rows: number) => Promise<number>,
  most: number,
  quantumMicros: number,
): Promise<BoundedSize> {
  const millis = (micros: number): string => `${Math.round(micros / 100) / 10} ms`;
  const mostMicros = quantumMicros * OF_QUANTUM;
  let [rows, micros] = [1, await time(1)];
  if (micros > quantumMicros) {
    const warning = `one row takes ${millis(micros)}, longer than the ${millis(quantumMicros)} that a batch may hold the device: requests wait for it`;
    return { size: 1, because: undefined, warning };
  }
  while (rows < most) {
    const next = Math.min(most, rows * 2);
    const longer = await time(next);
    if (longer > mostMicros) {
      const each = (Math.min(longer, 1e12) - micros) / (next - rows);
      const size = Math.max(rows, Math.min(next, Math.floor(rows + (mostMicros - micros) / each)));
      const because = `as many rows as fit into the ${millis(quantumMicros)} that a batch may hold the device that it shares`;
      return { size, because, warning: undefined };
    }
    [rows, micros] = [next, longer];
  }
  return { size: most, because: undefined, warning: undefined };
}
