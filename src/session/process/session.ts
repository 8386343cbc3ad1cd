import { arrayOf } from '../../util/dtype.js';
import type { Session, SessionSpec, TensorView } from '../types.js';
import { Deaths } from './deaths.js';
import { SharedMemory } from './memory.js';
import { ProcessDeath, SessionProcess } from './process.js';
import type { SessionInfo } from './protocol.js';

/** How often a batch is tried that its process dies of. */
const TRIES = 2;
/** The first run of a process, which is slow in every runtime, may take so many times what the others may. */
const FIRST_RUN_ALLOWANCE = 10;

/**
 * Loads a session into a process of its own. A process that dies, of whatever, is replaced, and what it was asked is asked
 * again, once; then a batch counts as one that the model rejects.
 *
 * @param memory what tensors travel through; without any, through a socket, which copies them once more
 * @throws what the session in the process throws, and DeviceError where process after process dies
 */
export async function load(spec: SessionSpec, memory = SharedMemory.create()): Promise<Session> {
  const shared = await memory;
  const deaths = new Deaths(spec);
  try {
    const { process, info } = await start(spec, shared, deaths);
    const warnings = [...info.warnings, ...deaths.warnings(info.device.id)];
    return new ProcessSession(spec, shared, process, { ...info, warnings });
  } catch (error) {
    shared?.close();
    throw error;
  }
}

interface Started {
  readonly process: SessionProcess;
  readonly info: SessionInfo;
}

/** A process that has loaded the session, the first of those that survive it. */
async function start(spec: SessionSpec, memory: SharedMemory | undefined, deaths: Deaths): Promise<Started> {
  for (;;) {
    const process = SessionProcess.start(memory);
    try {
      return { process, info: await process.load(spec) };
    } catch (error) {
      await process.close();
      if (!(error instanceof ProcessDeath)) throw error;
      deaths.add(error);
    }
  }
}

/** Something that a process can do, and that is over where the process dies. */
type Work<T> = (process: SessionProcess, limitMs: number | undefined) => Promise<T>;

/** A session in another process, to be used as if it were in this thread. */
class ProcessSession implements Session {
  readonly inputs: Session['inputs'];
  readonly outputs: Session['outputs'];
  readonly device: Session['device'];
  readonly #warnings: readonly string[];
  readonly #spec: SessionSpec;
  readonly #memory: SharedMemory | undefined;
  readonly #deaths: Deaths;
  #process: SessionProcess | undefined;
  /** Whether the process has run anything yet. */
  #warm = false;

  constructor(
    spec: SessionSpec,
    memory: SharedMemory | undefined,
    process: SessionProcess,
    { inputs, outputs, device, warnings }: SessionInfo,
  ) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.device = device;
    this.#warnings = warnings;
    // Another process must come to the same device, or the outputs would tell when it took over.
    this.#spec = { ...spec, providers: [device.provider] };
    this.#memory = memory;
    this.#deaths = new Deaths(spec);
    this.#process = process;
  }

  get warnings(): readonly string[] {
    return [...this.#warnings, ...this.#deaths.warnings(this.device.id)];
  }

  run(inputs: readonly TensorView[], outputs: readonly TensorView[]): Promise<void> {
    return this.#tried(
      (process, limitMs) => process.run(inputs, outputs, limitMs),
      (process, limitMs) => process.run(inputs.map(blank), outputs, limitMs),
    );
  }

  outputDims(inputs: readonly TensorView[]): Promise<ReadonlyMap<string, readonly number[]>> {
    const work: Work<ReadonlyMap<string, readonly number[]>> = (process, limitMs) =>
      process.outputDims(inputs, limitMs);
    return this.#tried(work, work);
  }

  async close(): Promise<void> {
    await this.#process?.close();
    this.#memory?.close();
  }

  async #tried<T>(work: Work<T>, warmUp: Work<unknown>): Promise<T> {
    for (let tries = 1; ; tries++) {
      const process = await this.#alive(warmUp);
      try {
        return await this.#watched(process, work);
      } catch (error) {
        if (!(error instanceof ProcessDeath)) throw error;
        this.#deaths.add(error);
        // Not one of our own errors: as far as anybody can tell, the batch is to blame.
        if (tries === TRIES) throw new Error(`the process that ran it died ${TRIES} times: ${error.message}`);
      }
    }
  }

  /** The process; where there is none, a new one, after a run of its own that tells whether it is the batch. */
  async #alive(warmUp: Work<unknown>): Promise<SessionProcess> {
    while (this.#process === undefined) {
      const { process } = await start(this.#spec, this.#memory, this.#deaths);
      this.#process = process;
      this.#warm = false;
      try {
        await this.#watched(process, warmUp);
      } catch (error) {
        // A model that rejects zeros may well take the batch.
        if (error instanceof ProcessDeath) this.#deaths.add(error);
      }
    }
    return this.#process;
  }

  async #watched<T>(process: SessionProcess, work: Work<T>): Promise<T> {
    const { runTimeoutMs } = this.#spec;
    const limitMs = runTimeoutMs && (this.#warm ? runTimeoutMs : runTimeoutMs * FIRST_RUN_ALLOWANCE);
    try {
      return await work(process, limitMs);
    } catch (error) {
      if (error instanceof ProcessDeath) this.#process = undefined;
      throw error;
    } finally {
      if (this.#process !== undefined) {
        this.#warm = true;
        this.#deaths.survived();
      }
    }
  }
}

/** Zeros in the shape of a view. */
function blank(view: TensorView): TensorView {
  return { ...view, data: new (arrayOf(view.dtype))(view.data.length) };
}
