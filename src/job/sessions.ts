import { Consumer } from '../consume/consumer.js';
import type { LoadedModel } from '../consume/types.js';
import { checkDevices, devicesOf, instancesFor, type SessionJob, sessionSpec } from './threads.js';

/** A device of a job, and the consumers whose sessions are on it. */
export interface JobDevice {
  readonly model: LoadedModel;
  readonly consumers: readonly Consumer[];
}

/** The consumers of a job: as many on each of its devices. Owns their threads. */
export class Sessions {
  readonly #job: SessionJob;
  readonly #intraOpNumThreads: number;
  readonly #consumers: Consumer[] = [];

  /** Starts the first. */
  constructor(job: SessionJob, intraOpNumThreads: number) {
    this.#job = job;
    this.#intraOpNumThreads = intraOpNumThreads;
    this.#start(1, devicesOf(job)[0] ?? 0);
  }

  /**
   * The first session tells which provider it is; only then can the others follow, with the same one: some devices take
   * no second thread while they start, or at all.
   *
   * @returns the job's devices, in its order
   * @throws UsageError where the provider has not the devices, or not the sessions, that the job asks for; the error of
   *   the first session that does not load
   */
  async load(): Promise<readonly JobDevice[]> {
    const job = this.#job;
    const first = this.#consumers[0] as Consumer;
    const model = await first.loaded();
    checkDevices(job, model);
    const instances = instancesFor(job, model);
    const providers = [model.device.provider];
    const devices = devicesOf(job).map((number, place) => {
      const started = place === 0 ? [first] : [];
      return [...started, ...this.#start(instances - started.length, number, providers)];
    });
    return Promise.all(
      devices.map(async (consumers) => {
        const [model] = await Promise.all(consumers.map((consumer) => consumer.loaded()));
        return { model: model as LoadedModel, consumers };
      }),
    );
  }

  /** One more beside those that are loaded, on the first device, whose runs take one thread. */
  another(provider: string): Consumer {
    const [consumer] = this.#start(1, devicesOf(this.#job)[0] ?? 0, [provider], 1);
    return consumer as Consumer;
  }

  #start(
    count: number,
    deviceId: number,
    providers?: readonly string[],
    threads = this.#intraOpNumThreads,
  ): Consumer[] {
    const spec = sessionSpec(this.#job, threads, deviceId, providers);
    const consumers = Array.from({ length: count }, () => new Consumer(spec));
    this.#consumers.push(...consumers);
    return consumers;
  }

  /** Asks those that are not consuming to end. */
  stop(): void {
    for (const consumer of this.#consumers) consumer.stop();
  }

  /** Resolves when all threads are gone. */
  async exited(): Promise<void> {
    await Promise.all(this.#consumers.map((consumer) => consumer.exited));
  }
}
