import { parentPort, workerData } from 'node:worker_threads';
import { StateClock } from '../clock/state-clock.js';
import { loadSession } from '../session/load.js';
import { ThreadPins } from '../session/pinned/thread-pins.js';
import type { Session } from '../session/types.js';
import type { CompleteSplit } from '../sink/types.js';
import { asPenstockError, DeviceError, InternalError, messageOf, toRecord } from '../util/errors.js';
import type { BenchThreadData } from './bench-thread.js';
import { HotSlots } from './hot-slots.js';
import { PointToPoint } from './loop.js';
import { readStage } from './read-stage.js';
import type { BenchReply, BenchRequest, Kind, ResultOf } from './requests.js';
import { writeStage } from './write-stage.js';

/*
 * A thread in which stages are measured alone. It owns a session where it was given one to load. Native code that runs
 * in it would crash if it were ended from outside: it ends when asked to.
 */

if (parentPort === null) throw new Error('this module is the entry of a bench thread');
const port = parentPort;
const reply = (message: BenchReply): void => port.postMessage(message);

class Stages implements Disposable {
  readonly #session: Session | undefined;
  readonly #clock: StateClock;
  readonly #data: BenchThreadData;
  readonly #pins: ThreadPins | undefined;
  #hot: HotSlots | undefined;
  #sample: readonly CompleteSplit[] = [];

  /** `pins`: there is one where there is a session. */
  constructor(session: Session | undefined, pins: ThreadPins | undefined, data: BenchThreadData) {
    this.#session = session;
    this.#pins = pins;
    this.#data = data;
    this.#clock = new StateClock(data.clocks, 0);
  }

  async measure(work: Exclude<BenchRequest, { readonly kind: 'stop' }>): Promise<ResultOf<Kind>> {
    const { stop } = this.#data;
    switch (work.kind) {
      case 'read':
        return readStage(work.request);
      case 'loop': {
        const loop = new PointToPoint(this.#loaded, work.request, this.#clock, stop, this.#pinning);
        const result = await loop.run();
        this.#sample = loop.sample;
        return result;
      }
      case 'fill':
        this.#hot?.[Symbol.dispose]();
        this.#hot = undefined;
        this.#hot = await HotSlots.fill(this.#loaded, this.#clock, stop, this.#pinning, work.request);
        return this.#hot.result;
      case 'replay':
        return this.#filled.replay(work.request);
      case 'point':
        return this.#filled.point(work.request);
      case 'write':
        return writeStage(work.request, this.#sample, stop);
    }
  }

  get #loaded(): Session {
    if (this.#session === undefined)
      throw new InternalError('a bench thread without a session was asked to run');
    return this.#session;
  }

  get #pinning(): ThreadPins {
    if (this.#pins === undefined)
      throw new InternalError('a bench thread without a session was asked to pin its memory');
    return this.#pins;
  }

  get #filled(): HotSlots {
    if (this.#hot === undefined)
      throw new InternalError('a bench thread was asked to run before it had batches');
    return this.#hot;
  }

  [Symbol.dispose](): void {
    this.#hot?.[Symbol.dispose]();
    this.#pins?.[Symbol.dispose]();
  }
}

async function main(data: BenchThreadData): Promise<void> {
  const { spec } = data;
  let session: Session | undefined;
  try {
    session = spec && (await loadSession(spec));
    const pins = spec && session && (await ThreadPins.open(spec, session.device));
    using stages = new Stages(session, pins, data);
    // Listening before it says that it is up: what comes meanwhile waits in the port.
    let next = nextRequest();
    reply({ kind: 'loaded', model: session && modelOf(session) });
    for (;;) {
      const request = await next;
      if (request.kind === 'stop') return;
      next = nextRequest();
      reply({ kind: 'done', result: await stages.measure(request) });
    }
  } catch (cause) {
    const wrap = (thrown: unknown): DeviceError =>
      new DeviceError(`${spec?.uri ?? spec?.runtime ?? 'the bench'}: failed: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    reply({ kind: 'failed', error: toRecord(asPenstockError(cause, wrap)) });
  } finally {
    await session?.close();
    port.close();
  }
}

function modelOf({ inputs, outputs, device, warnings }: Session) {
  return { inputs, outputs, device, warnings };
}

function nextRequest(): Promise<BenchRequest> {
  return new Promise((resolve) => port.once('message', resolve));
}

await main(workerData as BenchThreadData);
