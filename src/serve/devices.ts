import { now } from '../clock/now.js';
import { GateControl } from '../consume/gate-control.js';
import type { SessionDevice } from '../session/types.js';
import type { DeviceStats } from './types.js';

/** Consumers, and models and jobs, that a device may have. */
const MEMBERS = 256;
const CLAIMANTS = 64;

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
  readonly gate = new GateControl(MEMBERS, CLAIMANTS);
  readonly #about: SessionDevice;
  readonly #engineStartedAt: number;
  #instances = 0;
  /** Of each model on it: since when rows wait for company. */
  readonly waitingSince = new Set<() => number>();
  #counted: JobStalls = NOTHING;
  #idleBefore = 0;
  readonly #jobs = new Map<() => JobStalls, JobStalls>();

  constructor(about: SessionDevice, engineStartedAt: number) {
    this.#about = about;
    this.#engineStartedAt = engineStartedAt;
  }

  /** A model has so many sessions on it. */
  allow(instances: number): void {
    this.#instances = Math.max(this.#instances, instances);
    this.gate.allow(instances);
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
