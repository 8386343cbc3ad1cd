import type { GatePlace } from '../consume/gate-page.js';
import { openSourceOf, runOver } from '../job/run-job.js';
import type { Job } from '../job/schema.js';
import type { Sharing } from '../job/sharing.js';
import type { Report } from '../measure/report.js';
import type { SampledDevice } from '../measure/sampled-device.js';
import type { SessionDevice } from '../session/types.js';
import { InterruptedError, messageOf } from '../util/errors.js';
import { type Device, type Devices, type JobStalls, LOWEST_CLASS } from './devices.js';
import type { ServedJob } from './schema.js';
import type { JobStats } from './types.js';

interface Joined {
  readonly id: string;
  readonly device: Device;
  readonly claimant: number;
  readonly places: readonly GatePlace[];
}

/** A batch job that fills what requests leave free of its devices. */
export class SideJob implements Sharing {
  readonly quantumMicros: number;
  readonly #job: Job;
  readonly #weight: number;
  readonly #devices: Devices;
  readonly #stop = new AbortController();
  readonly #joined: Joined[] = [];
  readonly #unwatch: (() => void)[] = [];
  #state: JobStats['state'] = 'waiting';
  #error: string | undefined;
  #rows = 0;
  #splits = 0;
  #splitsDone = 0;
  /** Resolves when it has ended, however; undefined until it is started. */
  #ended: Promise<void> | undefined;

  constructor(job: Job, { weight, quantumMs }: ServedJob, devices: Devices) {
    this.#job = job;
    this.#weight = weight;
    this.quantumMicros = quantumMs * 1000;
    this.#devices = devices;
  }

  /** @param onEnd is told how it ended: with its report, or with what went wrong */
  start(onEnd: (name: string, outcome: Report | Error) => void): void {
    this.#state = 'running';
    this.#ended = this.#run(onEnd);
  }

  async #run(onEnd: (name: string, outcome: Report | Error) => void): Promise<void> {
    try {
      const report = await runOver(this.#job, () => openSourceOf(this.#job), {
        signal: this.#stop.signal,
        sharing: this,
        onProgress: ({ rows, splits, totalSplits }) => {
          this.#rows = rows;
          this.#splitsDone = splits;
          this.#splits = totalSplits;
        },
      });
      this.#state = 'completed';
      onEnd(this.#job.name, report);
    } catch (error) {
      this.#state = error instanceof InterruptedError ? 'stopped' : 'failed';
      if (this.#state === 'failed') this.#error = messageOf(error);
      onEnd(this.#job.name, error instanceof Error ? error : new Error(messageOf(error)));
    } finally {
      for (const unwatch of this.#unwatch) unwatch();
      for (const { device, claimant, places } of this.#joined) {
        await device.gate.recover(places);
        await device.gate.removeClaimant(claimant);
      }
    }
  }

  /** As Ctrl-C would: what is complete is written, and the same job goes on from there. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async join(about: SessionDevice, sessions: number): Promise<readonly GatePlace[]> {
    const device = this.#devices.get(about);
    device.allow(sessions);
    const claimant = await device.gate.addClaimant(LOWEST_CLASS, this.#weight, true);
    const places = Array.from({ length: sessions }, () => device.gate.place(claimant));
    this.#joined.push({ id: about.id, device, claimant, places });
    return places;
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

  stats(): JobStats {
    return {
      name: this.#job.name,
      state: this.#state,
      rows: this.#rows,
      splits: this.#splits,
      splitsDone: this.#splitsDone,
      ...(this.#error !== undefined && { error: this.#error }),
    };
  }
}
