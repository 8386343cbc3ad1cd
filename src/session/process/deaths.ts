import { DeviceError } from '../../util/errors.js';
import type { SessionSpec } from '../types.js';
import type { ProcessDeath } from './process.js';

/** So many with no run in between that came back: then it is not the batch. */
const MOST_IN_A_ROW = 3;

/** The deaths of a session's processes: how many there were, and when there are too many. */
export class Deaths {
  readonly #model: string;
  readonly #ways = new Set<string>();
  #count = 0;
  #lastPid = 0;
  #inARow = 0;

  constructor({ uri, runtime }: SessionSpec) {
    this.#model = uri ?? runtime;
  }

  /** @throws DeviceError where it is one too many */
  add(death: ProcessDeath): void {
    this.#count++;
    this.#inARow++;
    this.#lastPid = death.pid;
    this.#ways.add(death.how);
    if (this.#inARow < MOST_IN_A_ROW) return;
    throw new DeviceError(
      `${this.#model}: the session's process died ${MOST_IN_A_ROW} times in a row: ${death.message}`,
      { hint: 'penstock doctor tries each provider, and tells which of them run here.' },
    );
  }

  /** A run came back. */
  survived(): void {
    this.#inARow = 0;
  }

  /** What a user should know; nothing where there was none. */
  warnings(device: string): readonly string[] {
    if (this.#count === 0) return [];
    const times = this.#count === 1 ? 'once' : `${this.#count} times`;
    const ways = [...this.#ways].join(', ');
    // By its number an operator finds its core dump, and two sessions' warnings are told apart.
    return [
      `${device}: the session's process died ${times} (${ways}) and was restarted; the last was process ${this.#lastPid}`,
    ];
  }
}
