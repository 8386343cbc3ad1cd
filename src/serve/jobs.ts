import type { GatePlace } from '../consume/gate-page.js';
import { type RunOptions, runParsed } from '../job/run-job.js';
import type { Job } from '../job/schema.js';
import type { Sharing } from '../job/sharing.js';
import type { Report } from '../measure/report.js';
import type { SampledDevice } from '../measure/sampled-device.js';
import type { SessionDevice } from '../session/types.js';
import { InterruptedError, messageOf } from '../util/errors.js';
import { type Claim, type Devices, type JobStalls, LOWEST_CLASS } from './devices.js';
import type { ServedJob } from './schema.js';
import type { JobStats } from './types.js';

interface Joined extends Claim {
  readonly id: string;
}

/** What of a job is told beside what it does: see `JobStats`. */
export interface SideJobAbout {
  /** By default the job's. */
  readonly name?: string;
  readonly part?: string | undefined;
  /** Of parts before. */
  readonly rows?: number;
}

/** A batch job that fills what requests leave free of its devices. */
export class SideJob implements Sharing {
  /** What it is called in what is told of it. */
  readonly name: string;
  readonly quantumMicros: number;
  readonly #job: Job;
  readonly #part: string | undefined;
  readonly #weight: number;
  readonly #devices: Devices;
  readonly #stop = new AbortController();
  readonly #joined: Joined[] = [];
  readonly #unwatch: (() => void)[] = [];
  #state: JobStats['state'] = 'waiting';
  #error: string | undefined;
  readonly #rowsBefore: number;
  #rows = 0;
  #splits = 0;
  #splitsDone = 0;
  /** Resolves when it has ended, however; undefined until it is started. */
  #ended: Promise<unknown> | undefined;

  constructor(
    job: Job,
    { weight, quantumMs }: Pick<ServedJob, 'weight' | 'quantumMs'>,
    devices: Devices,
    { name = job.name, part, rows = 0 }: SideJobAbout = {},
  ) {
    this.name = name;
    this.#job = job;
    this.#weight = weight;
    this.quantumMicros = quantumMs * 1000;
    this.#devices = devices;
    this.#part = part;
    this.#rowsBefore = rows;
  }

  /** Runs it; to be called once. */
  run(options: RunOptions = {}): Promise<Report> {
    this.#state = 'running';
    const report = this.#run(options);
    this.#ended = report.catch(() => {});
    return report;
  }

  async #run(options: RunOptions): Promise<Report> {
    const { signal, onProgress } = options;
    try {
      const report = await runParsed(this.#job, {
        ...options,
        signal: signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]),
        sharing: this,
        onProgress: (progress) => {
          this.#rows = progress.rows;
          this.#splitsDone = progress.splits;
          this.#splits = progress.totalSplits;
          onProgress?.(progress);
        },
      });
      this.#state = 'completed';
      return report;
    } catch (error) {
      this.#state = error instanceof InterruptedError ? 'stopped' : 'failed';
      if (this.#state === 'failed') this.#error = messageOf(error);
      throw error;
    } finally {
      for (const unwatch of this.#unwatch) unwatch();
      for (const claim of this.#joined) await claim.device.leave(claim);
    }
  }

  /** As Ctrl-C would: what is complete is written, and the same job goes on from there. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async join(about: SessionDevice, sessions: number): Promise<readonly GatePlace[]> {
    const share = { priority: LOWEST_CLASS, weight: this.#weight, yields: true };
    const claim = await this.#devices.get(about).join(sessions, share);
    this.#joined.push({ id: about.id, ...claim });
    return claim.places;
  }

  wake(): void {
    for (const { device, places } of this.#joined) device.gate.wake(places);
  }

  started(devices: readonly SampledDevice[]): void {
    for (const { id, device } of this.#joined) {
      const ledger = devices.find((sampled) => sampled.id === id)?.ledger;
      if (ledger === undefined) continue;
      const stalls = (): JobStalls => {
        const { starved, blocked } = ledger.read(true);
        return { ...starved, blocked };
      };
      this.#unwatch.push(device.watchJob(stalls));
    }
  }

  /** Resolves when it has ended, however. */
  async ended(): Promise<void> {
    await this.#ended;
  }

  stats(): JobStats {
    return {
      name: this.name,
      ...(this.#part !== undefined && { part: this.#part }),
      state: this.#state,
      rows: this.#rowsBefore + this.#rows,
      splits: this.#splits,
      splitsDone: this.#splitsDone,
      ...(this.#error !== undefined && { error: this.#error }),
    };
  }
}
