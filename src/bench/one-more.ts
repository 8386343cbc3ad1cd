import type { SessionSpec } from '../session/types.js';
import { lowestRate, type StageRates } from './expected.js';
import type { Sample } from './sample.js';
import type { Extras } from './schedule.js';
import type { Reported, Stages } from './stages.js';
import { type Subject, withOneMore } from './subject.js';

/**
 * What one producer or one instance more would bring: each time beside the same without it, so that what counts is how
 * the two compare at that moment.
 */
export class OneMore {
  readonly #subject: Subject;
  readonly #stages: Stages;
  readonly #sample: Sample;
  /** With ÷ without. */
  readonly producers: number[] = [];
  readonly instances: number[] = [];

  constructor(subject: Subject, stages: Stages, sample: Sample) {
    this.#subject = subject;
    this.#stages = stages;
    this.#sample = sample;
  }

  /** What is worth its time: the stage that limits, and others within so much of it. */
  worth(rates: StageRates, within: number): Extras {
    const most = within * lowestRate(rates);
    return { producer: rates.loader <= most, instance: rates.device <= most && this.#mayHaveInstance };
  }

  /** ONNX Runtime has one WebGPU context a process, for one thread. */
  get #mayHaveInstance(): boolean {
    const { model, job } = this.#subject;
    const { runtime, provider } = model.device;
    return runtime !== 'onnx' || provider !== 'webgpu' || job.model.isolation === 'process';
  }

  /** @param before what the loader did without */
  async producer(passes: number, before: Reported): Promise<void> {
    const load = { splits: this.#sample.fast.splits, passes };
    const run = await this.#stages.loader(load, before.report.producers.count + 1);
    this.producers.push(run.rowsPerSecond / before.rowsPerSecond);
  }

  /** @param before what the device did without, rows a second; measured now where it is left out */
  async instance(seconds: number, before?: number): Promise<void> {
    const without = before ?? (await this.#side(this.#subject.specs, seconds));
    this.instances.push((await this.#side(withOneMore(this.#subject), seconds)) / without);
  }

  /** Rows a second of instances side by side. */
  async #side(specs: readonly SessionSpec[], seconds: number): Promise<number> {
    await using threads = await this.#stages.sessions(specs);
    await threads.fill(this.#sample.fast.splits);
    return (await threads.replay(seconds)).rowsPerSecond;
  }
}
