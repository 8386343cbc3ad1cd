import { availableParallelism } from 'node:os';
import { createClockPage } from '../clock/state-clock.js';
import type { Consumer } from '../consume/consumer.js';
import type { GatePlace } from '../consume/gate-page.js';
import { watchForHangs } from '../job/hang-watch.js';
import { isToBePinned, PinnedRing } from '../job/pinned-ring.js';
import { type JobDevice, Sessions } from '../job/sessions.js';
import { devicesOf } from '../job/threads.js';
import { ControlSide } from '../ring/control-side.js';
import { consumerOwner } from '../ring/ring.js';
import { openPages } from '../session/pinned/pages.js';
import { messageOf } from '../util/errors.js';
import type { Claim, Devices } from './devices.js';
import { Dispatcher } from './dispatcher.js';
import type { EndpointState } from './endpoint-state.js';
import { type ModelPlan, planModel } from './plan-model.js';
import type { ServedModel } from './schema.js';

/** The sessions of a served model, and the ring between them and the main thread, from load to end. */
export class LoadedInstances {
  readonly plan: ModelPlan;
  readonly dispatcher: Dispatcher;
  readonly devices: readonly JobDevice[];
  readonly #sessions: Sessions;
  readonly #on: readonly Claim[];
  readonly #pinned: PinnedRing | undefined;
  readonly #stopWatch: () => void;
  /** Resolves when a consumer has failed, with the reason, or all have ended. */
  readonly ended: Promise<Error | undefined>;
  readonly #waitingSince: () => number;

  private constructor(
    sessions: Sessions,
    parts: Pick<LoadedInstances, 'plan' | 'dispatcher' | 'devices'> & {
      readonly on: readonly Claim[];
      readonly pinned: PinnedRing | undefined;
      readonly stopWatch: () => void;
      readonly consumers: readonly Consumer[];
      readonly onWarning: (warning: string) => void;
    },
  ) {
    this.#sessions = sessions;
    this.plan = parts.plan;
    this.dispatcher = parts.dispatcher;
    this.devices = parts.devices;
    this.#on = parts.on;
    this.#pinned = parts.pinned;
    this.#stopWatch = parts.stopWatch;
    this.#waitingSince = () => this.dispatcher.waitingSince;
    for (const { device } of this.#on) device.waitingSince.add(this.#waitingSince);
    void this.dispatcher.drain();
    const failures = parts.consumers.map((consumer) => this.#consume(consumer, parts.onWarning));
    this.ended = new Promise((resolve) => {
      for (const failure of failures) void failure.then((error) => error && resolve(error));
      void Promise.all(failures).then(() => resolve(undefined));
      void this.dispatcher.broken.then(resolve);
    });
  }

  /**
   * Loads a model, and gives its sessions the ring.
   *
   * @throws UsageError where the configuration does not fit the model; DeviceError where it does not load
   */
  static async load(
    name: string,
    served: ServedModel,
    endpoints: readonly EndpointState[],
    devices: Devices,
    onWarning: (warning: string) => void,
  ): Promise<LoadedInstances> {
    const { model, inputs, batch, queue } = served;
    const ring = { pinned: 'auto' } as const;
    const sessions = new Sessions({ model, inputs, ring }, threadsOf(served));
    const on: Claim[] = [];
    try {
      const loaded = await sessions.load();
      const [first] = loaded as [JobDevice];
      const consumers = loaded.flatMap((device) => device.consumers);
      const plan = await planModel(
        name,
        served,
        first.model,
        first.consumers[0] as Consumer,
        consumers.length,
      );
      for (const warning of plan.warnings) onWarning(warning);
      const weight = endpoints.reduce((sum, { spec }) => sum + spec.weight, 0);
      const priority = Math.min(...endpoints.map(({ spec }) => spec.priority));
      for (const { model: about, consumers: own } of loaded) {
        on.push(await devices.get(about.device).join(own.length, { priority, weight }));
      }
      const pins = isToBePinned({ ring, model }, first.model.device);
      const dispatcher = new Dispatcher(
        plan,
        consumers.length,
        { maxDelayMs: batch.maxDelayMs, maxRows: queue.maxRows },
        endpoints,
        (urgent, deadline) => {
          for (const { device, claimant } of on) device.gate.setUrgency(claimant, urgent, deadline);
        },
        pins ? await openPages() : undefined,
      );
      const clocks = createClockPage(consumers.length);
      const places = on.flatMap((one) => one.places);
      const stagings = await Promise.all(
        consumers.map((consumer, index) =>
          consumer.attachOnline({
            ring: dispatcher.ring.memory,
            requests: dispatcher.requests,
            gate: places[index] as GatePlace,
            clocks,
            clock: index,
            owner: consumerOwner(1, index),
            preferredSizes: plan.preferredSizes,
            warmSizes: plan.warmSizes,
            speed: { size: plan.size, oneMicros: plan.oneMicros, fullMicros: plan.fullMicros },
          }),
        ),
      );
      const pinned = pins
        ? await PinnedRing.pin(dispatcher.ring, first.model.device, { ring, model }, stagings)
        : undefined;
      for (const warning of pinned?.warnings ?? []) onWarning(warning);
      const limitMs = model.isolation === 'process' ? Number.POSITIVE_INFINITY : model.runTimeoutMs;
      const stopWatch = watchForHangs(clocks, limitMs, (consumer, error) =>
        consumers[consumer]?.abandon(error),
      );
      return new LoadedInstances(sessions, {
        plan,
        dispatcher,
        devices: loaded,
        on,
        pinned,
        stopWatch,
        consumers,
        onWarning,
      });
    } catch (error) {
      sessions.stop();
      await sessions.exited();
      for (const claim of on) await claim.device.leave(claim);
      throw error;
    }
  }

  /** Resolves when the consumer has ended: with what went wrong, if anything did. */
  async #consume(consumer: Consumer, onWarning: (warning: string) => void): Promise<Error | undefined> {
    try {
      for (const warning of await consumer.consume((rows) => this.dispatcher.rejected(rows)))
        onWarning(warning);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error(messageOf(error));
    }
  }

  /** Nothing runs any more that does not run now. Resolves when all threads are gone, or, of those that hang, abandoned. */
  async abort(): Promise<void> {
    new ControlSide(this.dispatcher.ring).abort();
    for (const { device, places } of this.#on) device.gate.wake(places);
    await this.#leave();
  }

  async #leave(): Promise<void> {
    await this.#sessions.exited();
    await this.#pinned?.[Symbol.asyncDispose]();
    this.#stopWatch();
    new ControlSide(this.dispatcher.ring).abort();
    for (const claim of this.#on) {
      claim.device.waitingSince.delete(this.#waitingSince);
      await claim.device.leave(claim);
    }
  }
}

/** One core is left for the main thread. */
function threadsOf(served: ServedModel): number {
  const instances = served.model.instances === 'auto' ? 1 : served.model.instances;
  const sessions = instances * devicesOf(served).length;
  return Math.max(1, Math.floor((availableParallelism() - 1) / sessions));
}
