import { isolated } from '../job/doctor/isolated.js';
import { UsageError } from '../util/errors.js';

/** How long a driver may take to tell its GPUs: it may hang. */
const DRIVER_LIMIT_MS = 15_000;

/** A process among those that one command starts: its place, and what it gets of the machine. */
export interface ProcessPlan {
  readonly index: number;
  readonly count: number;
  /** In front of its lines in the log: `gpu 0`, `process 1`. */
  readonly label: string;
  /** Beside the environment of the command itself. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Reads `--processes`.
 *
 * @throws UsageError for what is neither auto nor a whole number, 1 or more
 */
export function parseProcesses(text: string): number | 'auto' {
  const number = Number(text);
  if (text === 'auto' || (Number.isInteger(number) && number >= 1 && number <= 1024))
    return text === 'auto' ? text : number;
  throw new UsageError(`--processes: must be auto or a whole number from 1 to 1024, not ${text}`);
}

/**
 * What processes share a host's GPUs: with `auto` one for each, or one where there is none. With fewer processes than GPUs
 * each has several, with more of them several have the same.
 *
 * @param gpus as `CUDA_VISIBLE_DEVICES` names them
 */
export function planProcesses(wanted: number | 'auto', gpus: readonly string[]): ProcessPlan[] {
  const count = wanted === 'auto' ? Math.max(1, gpus.length) : wanted;
  return Array.from({ length: count }, (_, index) => {
    const own =
      count <= gpus.length
        ? gpus.flatMap((gpu, place) => (place % count === index ? [{ gpu, place }] : []))
        : gpus.flatMap((gpu, place) => (index % gpus.length === place ? [{ gpu, place }] : []));
    const isAlone = own.length > 0 && count <= gpus.length;
    return {
      index,
      count,
      label: isAlone ? `gpu ${own.map(({ place }) => place).join('+')}` : `process ${index}`,
      env: own.length === 0 ? {} : { CUDA_VISIBLE_DEVICES: own.map(({ gpu }) => gpu).join(',') },
    };
  });
}

/**
 * The GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them: those of that variable where it is set, else
 * those that NVIDIA's driver knows.
 */
export async function visibleGpus(visible = process.env.CUDA_VISIBLE_DEVICES): Promise<readonly string[]> {
  if (visible !== undefined) return listed(visible);
  const outcome = await isolated(DRIVER_LIMIT_MS, 'gpus');
  if (outcome.kind !== 'answered' || outcome.answer === null) return [];
  // By their ids where they are told: CUDA may count in another order than the driver.
  return outcome.answer.devices.map(({ index, uuid }) => uuid ?? String(index));
}

/** As CUDA reads it: the first that is none ends the list. */
function listed(visible: string): string[] {
  const entries = visible.split(',').map((entry) => entry.trim());
  const end = entries.findIndex((entry) => !/^(\d+|GPU-.+|MIG-.+)$/i.test(entry));
  return end < 0 ? entries : entries.slice(0, end);
}
