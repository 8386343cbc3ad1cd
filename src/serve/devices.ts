import { now } from '../clock/now.js';
import { GateControl } from '../consume/gate-control.js';
import type { GatePlace } from '../consume/gate-page.js';
import type { SessionDevice } from '../session/types.js';
import { UsageError } from '../util/errors.js';
import type { DeviceStats } from './types.js';

/** Sessions that a device may have, and models and jobs. */
const MOST_SESSIONS = 256;
const MOST_CLAIMANTS = 64;

/** A model or a job on a device, which it shares with others: at the device's gate, and a place there for each session. */
export interface Claim {
  readonly device: Device;
  readonly claimant: number;
  readonly places: readonly GatePlace[];
}

/** Of those that jobs give: lower is no class. */
export const LOWEST_CLASS = 2 ** 31;

/** What a running job's devices waited for, microseconds since it began. */
export interface JobStalls {
  readonly fetch: number;
  readonly prep: number;
  readonly batching: number;
  readonly blocked: number;
}

const NOTHING: JobStalls = { fetch: 0, prep: 0, batching: 0, blocked: 0 };

/** A device, its gate, and where its time went. */
export class Device {
  readonly gate = new GateControl(MOST_SESSIONS, MOST_CLAIMANTS);
  readonly #about: SessionDevice;
  readonly #engineStartedAt: number;
  #instances = 0;
  #sessions = 0;
  #claimants = 0;
  /** Of each model on it: since when rows wait for company. */
  readonly waitingSince = new Set<() => number>();
  #counted: JobStalls = NOTHING;
  #idleBefore = 0;
  readonly #jobs = new Map<() => JobStalls, JobStalls>();

  constructor(about: SessionDevice, engineStartedAt: number) {
    this.#about = about;
    this.#engineStartedAt = engineStartedAt;
  }

  /**
   * A model or a job is about to come, with so many sessions.
   *
   * @param yields others wait for one turn of it at most, whatever it is owed
   * @throws UsageError where there are as many as there can be
   */
  async join(
    sessions: number,
    { priority, weight, yields = false }: { priority: number; weight: number; yields?: boolean },
  ): Promise<Claim> {
    if (this.#claimants === MOST_CLAIMANTS || this.#sessions + sessions > MOST_SESSIONS) {
      const there = `${this.#claimants} models and jobs with ${this.#sessions} sessions`;
      throw new UsageError(
        `${this.#about.id}: ${there} are on it already, and it can have ${MOST_CLAIMANTS} with ${MOST_SESSIONS}`,
        { hint: 'Serve some of the models by another server.' },
      );
    }
    this.#claimants++;
    this.#sessions += sessions;
    this.#instances = Math.max(this.#instances, sessions);
    this.gate.allow(sessions);
    const claimant = await this.gate.addClaimant(priority, weight, yields);
    const places = Array.from({ length: sessions }, () => this.gate.place(claimant));
    return { device: this, claimant, places };
  }

  /** The threads of its sessions are gone, however they went. */
  async leave({ claimant, places }: Claim): Promise<void> {
    await this.gate.recover(places);
    await this.gate.removeClaimant(claimant);
    this.#claimants--;
    this.#sessions -= places.length;
  }

  /** A job runs on it: while the device has nothing to do, the job says what it waits for. Returns what ends that. */
  watchJob(stalls: () => JobStalls): () => void {
    this.#look();
    this.#jobs.set(stalls, stalls());
    return () => {
      this.#look();
      this.#jobs.delete(stalls);
    };
  }

  stats(at: number): DeviceStats {
    const { busy, batching, idle } = this.#look(at);
    const { fetch, prep, batching: jobs, blocked } = this.#counted;
    const { id, runtime, provider, simulated } = this.#about;
    const before = this.gate.madeAt - this.#engineStartedAt;
    return {
      id,
      runtime,
      provider,
      simulated,
      instances: this.#instances,
      busy,
      starved: { fetch, prep, batching: batching + jobs },
      blocked,
      idle: before + Math.max(0, idle - fetch - prep - jobs - blocked),
    };
  }

  /** Shares out the idle time since the last look as jobs say that they waited meanwhile. */
  #look(at = now()): ReturnType<GateControl['times']> {
    const since = Math.min(...[...this.waitingSince].map((of) => of()));
    const times = this.gate.times(at, since);
    const idle = Math.max(0, times.idle - this.#idleBefore);
    this.#idleBefore = Math.max(this.#idleBefore, times.idle);
    let waited = NOTHING;
    for (const [stalls, before] of this.#jobs) {
      const after = stalls();
      waited = each((key) => waited[key] + Math.max(0, after[key] - before[key]));
      this.#jobs.set(stalls, after);
    }
    const all = waited.fetch + waited.prep + waited.batching + waited.blocked;
    if (all > 0) {
      // A job that waits while others run keeps no device idle.
      const share = Math.min(1, idle / all);
      this.#counted = each((key) => this.#counted[key] + waited[key] * share);
    }
    return times;
  }
}

function each(of: (key: keyof JobStalls) => number): JobStalls {
  return { fetch: of('fetch'), prep: of('prep'), batching: of('batching'), blocked: of('blocked') };
}

/** The devices of a server, by their ids. */
export class Devices {
  readonly #startedAt: number;
  readonly #devices = new Map<string, Device>();

  constructor(startedAt: number) {
    this.#startedAt = startedAt;
  }

  get(about: SessionDevice): Device {
    const device = this.#devices.get(about.id) ?? new Device(about, this.#startedAt);
    this.#devices.set(about.id, device);
    return device;
  }

  /** @param at up to when, microseconds of `now()` */
  stats(at: number): DeviceStats[] {
    return [...this.#devices.values()].map((device) => device.stats(at));
  }
}
