import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { GPU_METRICS, type GpuDevice, type GpuProbe, type GpuSample } from './types.js';

const MIB = 2 ** 20;

/** What is asked for, column by column: first what never changes, then what is sampled, and what makes it ours. */
const FIXED = ['index', 'uuid', 'name', 'driver_version', 'memory.total'] as const;
const SAMPLED = [
  { field: 'utilization.gpu', metric: 'gpu', scale: 0.01 },
  { field: 'utilization.memory', metric: 'memoryBusy', scale: 0.01 },
  { field: 'memory.used', metric: 'memoryUsedBytes', scale: MIB },
  { field: 'power.draw', metric: 'watts', scale: 1 },
  { field: 'temperature.gpu', metric: 'celsius', scale: 1 },
  { field: 'clocks.sm', metric: 'smClockMhz', scale: 1 },
  { field: 'clocks.mem', metric: 'memoryClockMhz', scale: 1 },
] as const;

const NOTHING = Object.fromEntries(GPU_METRICS.map((metric) => [metric, null])) as unknown as GpuSample;

/** How long the first line may take: on a machine with many GPUs the driver takes seconds to wake. */
const FIRST_LINE_MS = 10_000;

/**
 * `nvidia-smi`, which comes with the driver: one process that prints a line a GPU every `everyMs`, for as long as the
 * probe is open. Undefined where there is none, or it finds no GPU: never an error.
 */
export async function openNvidiaSmi(everyMs = 100, command = 'nvidia-smi'): Promise<GpuProbe | undefined> {
  const fields = [...FIXED, ...SAMPLED.map(({ field }) => field)].join(',');
  const child = spawn(
    command,
    [`--query-gpu=${fields}`, '--format=csv,noheader,nounits', `--loop-ms=${everyMs}`],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const probe = new NvidiaSmiProbe(child);
  if (await probe.started()) return probe;
  probe.close();
  return undefined;
}

interface Line extends GpuDevice {
  readonly driver: string | null;
  readonly memoryBytes: number | null;
  readonly sample: GpuSample;
}

class NvidiaSmiProbe implements GpuProbe {
  readonly source = 'nvidia-smi';
  readonly cuda = null;
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  /** The last line of each GPU. */
  readonly #lines = new Map<number, Line>();
  readonly #started: Promise<boolean>;

  constructor(child: ChildProcessByStdio<null, Readable, null>) {
    this.#child = child;
    this.#started = new Promise((resolve) => {
      const timer = setTimeout(resolve, FIRST_LINE_MS, false);
      const settle = (found: boolean): void => {
        clearTimeout(timer);
        resolve(found);
      };
      child.on('error', () => settle(false));
      child.on('close', () => {
        // What it said last, perhaps read after its end, is not what the GPU does now.
        this.#lines.clear();
        settle(false);
      });
      createInterface({ input: child.stdout }).on('line', (text) => {
        const line = parseLine(text);
        if (line === undefined) return;
        // The GPUs are printed one after the other: all are known once the second round begins, or it is quiet.
        if (this.#lines.has(line.index)) settle(true);
        else if (this.#lines.size === 0) setTimeout(settle, 50, true);
        this.#lines.set(line.index, line);
      });
    });
  }

  started(): Promise<boolean> {
    return this.#started;
  }

  get driver(): string | null {
    const [first] = this.#lines.values();
    return first?.driver ?? null;
  }

  devices(): readonly GpuDevice[] {
    return [...this.#lines.values()].map(({ index, name, uuid }) => ({ index, name, uuid }));
  }

  memoryBytes(device: number): number | null {
    return this.#lines.get(device)?.memoryBytes ?? null;
  }

  sample(device: number): GpuSample | null {
    return this.#lines.get(device)?.sample ?? null;
  }

  close(): void {
    this.#child.kill();
  }
}

/** One line of CSV; undefined for anything else, as messages of the driver are. */
function parseLine(text: string): Line | undefined {
  const cells = text.split(',').map((cell) => cell.trim());
  if (cells.length !== FIXED.length + SAMPLED.length || !/^\d+$/.test(cells[0] ?? '')) return undefined;
  const [index, uuid, name = '', driver, memory] = cells;
  const sample: { -readonly [K in keyof GpuSample]: GpuSample[K] } = { ...NOTHING };
  SAMPLED.forEach(({ metric, scale }, i) => {
    const value = numberIn(cells[FIXED.length + i]);
    sample[metric] = value === null ? null : Number((value * scale).toPrecision(12));
  });
  const total = numberIn(memory);
  return {
    index: Number(index),
    uuid: told(uuid),
    name,
    driver: told(driver),
    memoryBytes: total === null ? null : total * MIB,
    sample,
  };
}

/** `[N/A]`, `[Not Supported]` and their like stand for what a card does not tell. */
function told(cell: string | undefined): string | null {
  return cell === undefined || cell === '' || cell.startsWith('[') || cell === 'N/A' ? null : cell;
}

function numberIn(cell: string | undefined): number | null {
  const number = Number(told(cell) ?? Number.NaN);
  return Number.isFinite(number) ? number : null;
}
