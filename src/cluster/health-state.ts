import type { WorkerEvent } from './worker-options.js';

/** What one process of a worker has done, and does. */
export interface ProcessHealth {
  /** Its id in the queue; undefined until it is registered there. */
  readonly worker: string | undefined;
  readonly isConnected: boolean;
  readonly isDraining: boolean;
  readonly isAtWork: boolean;
  readonly completed: number;
  readonly failed: number;
  readonly returned: number;
  readonly rows: number;
  /** Of shards that were completed. */
  readonly seconds: number;
  /** How often the queue was out of reach. */
  readonly losses: number;
}

const NEW = {
  worker: undefined,
  isConnected: false,
  isDraining: false,
  isAtWork: false,
} as const;

const NOTHING: ProcessHealth = {
  ...NEW,
  completed: 0,
  failed: 0,
  returned: 0,
  rows: 0,
  seconds: 0,
  losses: 0,
};

/** The health of a worker's processes, as their events tell it. */
export class HealthState {
  readonly #processes: ProcessHealth[];

  /** @param processes how many one command has started. Default: 1, which is itself. */
  constructor(processes = 1) {
    this.#processes = Array.from({ length: processes }, () => NOTHING);
  }

  get processes(): readonly ProcessHealth[] {
    return this.#processes;
  }

  /** Notes what a process has said; the first is 0. */
  observe(event: WorkerEvent, process = 0): void {
    const before = this.#processes[process] ?? NOTHING;
    this.#processes[process] = { ...before, ...changeBy(event, before) };
  }

  /** The process is gone; what it had counted stays. */
  ended(process = 0): void {
    this.#processes[process] = { ...(this.#processes[process] ?? NOTHING), ...NEW };
  }

  /** Why no shards are taken at the moment; undefined where they are, by one of the processes at least. */
  whyNotReady(): string | undefined {
    const reasons = this.#processes.map((one) => {
      if (one.worker === undefined) return 'it is starting';
      if (one.isDraining) return 'it is draining';
      return one.isConnected ? undefined : 'the queue is out of reach';
    });
    return reasons.includes(undefined) ? undefined : reasons[0];
  }
}

function changeBy(event: WorkerEvent, before: ProcessHealth): Partial<ProcessHealth> {
  switch (event.kind) {
    case 'ready':
      return { worker: event.worker, isConnected: true };
    case 'shard-started':
      return { isAtWork: true };
    case 'shard-ended':
      return {
        isAtWork: false,
        completed: before.completed + 1,
        rows: before.rows + event.rows,
        seconds: before.seconds + event.seconds,
      };
    case 'shard-failed':
      return { isAtWork: false, failed: before.failed + 1 };
    case 'shard-returned':
      return { isAtWork: false, returned: before.returned + 1 };
    case 'queue-lost':
      return { isConnected: false, losses: before.losses + 1 };
    case 'queue-back':
      return { isConnected: true };
    case 'draining':
      return { isDraining: true };
    case 'proven':
    case 'run-ended':
    case 'run-failed':
    case 'warning':
      return {};
  }
}
