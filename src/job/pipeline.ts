import { availableParallelism } from 'node:os';
import { createLedgerMemory, type LedgerMemory } from '../clock/device-ledger.js';
import { createStallMemory } from '../clock/stall-clock.js';
import { createClockPage } from '../clock/state-clock.js';
import type { TraceMemory } from '../clock/trace.js';
import type { Consumer } from '../consume/consumer.js';
import type { GatePlace } from '../consume/gate-page.js';
import type { Attachment, LoadedModel } from '../consume/types.js';
import type { Dataset } from '../dataset/types.js';
import type { Choice, Report } from '../measure/report.js';
import { Producers } from '../produce/producers.js';
import { ControlSide } from '../ring/control-side.js';
import { type Bucket, checkArena, planSlotLayout, type SlotLayout } from '../ring/layout.js';
import { consumerOwner, createRingMemory, MAIN_OWNER, type PageGrid, Ring } from '../ring/ring.js';
import { openPages } from '../session/pinned/pages.js';
import type { StagingMemory } from '../session/types.js';
import { checkKept } from '../sink/formats.js';
import type { OutputDirectory } from '../sink/output-directory.js';
import { Sink } from '../sink/sink.js';
import type { OutputColumn } from '../sink/types.js';
import { StuckError } from '../util/errors.js';
import { settledWithin } from '../util/grace.js';
import { availableMemory } from '../util/memory.js';
import { accessOf } from './access.js';
import { checkColumns, type InputPlan, planInputs } from './inputs.js';
import { planOutputs } from './outputs.js';
import { isToBePinned, PinnedRing } from './pinned-ring.js';
import { Run, type RunContext, type RunDevice, STUCK_GRACE_MS } from './run.js';
import type { Job } from './schema.js';
import { type JobDevice, Sessions } from './sessions.js';
import { type BoundedSize, boundedSize, type Sharing } from './sharing.js';
import { sinkTarget } from './sink.js';
import {
  batchOf,
  bucketsOf,
  checkSlots,
  type SettledBatch,
  slotsFor,
  slotWarnings,
  threadsFor,
} from './threads.js';
import { type TracedThreads, traceMemoryFor, traceText } from './trace.js';
import { planTransform, type TransformedSource } from './transform.js';
import { chooseBatchSize } from './tune/batch-size.js';
import { type InstancesRule, instancesRule } from './tune/instances.js';

/** What is known once model and data are. */
export interface Plan {
  readonly devices: readonly JobDevice[];
  readonly inputs: InputPlan;
  readonly outputs: readonly OutputColumn[];
  readonly layout: SlotLayout;
  /** The job's, as the model leaves it. */
  readonly batch: SettledBatch;
  readonly slots: ReturnType<typeof slotsFor>;
  readonly chosen: readonly Choice[];
  readonly transform: TransformedSource['transform'];
  /** Whether memory that goes to the device is to be pinned. */
  readonly pins: boolean;
  readonly warnings: readonly string[];
}

export interface TraceOption {
  /** Takes the trace; without it none is recorded. */
  readonly onTrace?: (trace: string) => void;
}

/**
 * The threads of one job and what they share: producers, ring, consumers, sink. Owns them all: disposing of it ends
 * every thread, whatever state the run is in.
 */
export class Pipeline implements AsyncDisposable {
  readonly #job: Job;
  readonly #sharing: Sharing | undefined;
  readonly #producers: Producers;
  readonly #sessions: Sessions;
  #ring: Ring | undefined;
  #plan: Plan | undefined;
  readonly #sink = new Sink();
  #pinned: PinnedRing | undefined;
  /** How long threads may take to end: of a run that is stuck some never do. */
  #graceMs = Number.POSITIVE_INFINITY;

  /**
   * Starts the producers' threads and loads the model.
   *
   * @param sharing where others run on its devices
   */
  constructor(job: Job, sharing?: Sharing) {
    this.#job = job;
    this.#sharing = sharing;
    const { producers, mostProducers, intraOpNumThreads } = threadsFor(job);
    this.#producers = new Producers(producers, mostProducers, job.transform);
    this.#sessions = new Sessions(job, intraOpNumThreads);
  }

  /** Once the data is known: matches its columns, behind the transform, with the model, and lays out the ring. */
  async plan(dataset: Dataset, signal: AbortSignal | undefined): Promise<void> {
    const job = this.#job;
    const { uri } = job.source;
    checkColumns('source.columns', job.source.columns ?? [], uri, dataset.schema);
    const devices = await this.#sessions.load();
    // The model is the same on all of them.
    const { model, consumers } = devices[0] as JobDevice;
    const consumer = consumers[0] as Consumer;
    const pins = isToBePinned(job, model.device);
    const batch = batchOf(job, model);
    const { schema, transform } = await this.#transformed(dataset, model, signal);
    checkColumns('sink.keep', job.sink.keep, uri, schema);
    checkKept(job.sink.format, job.sink.keep, schema);
    const rules = { inputs: job.inputs, lengthColumn: job.batch.lengthColumn, source: uri };
    const inputs = planInputs(rules, model.inputs, schema);
    const probed = bucketsOf({ batch });
    checkSlots(job, probed);
    const outputs = await planOutputs(job, model, inputs.tensors, probed, consumer);
    const maxBytes = job.ring.maxBytes ?? availableMemory() / 4;
    const settle = (size: number): { readonly buckets: Bucket[]; readonly layout: SlotLayout } => {
      const buckets = bucketsOf({ batch: { ...batch, size } });
      return { buckets, layout: planSlotLayout(buckets, inputs.tensors, outputs.tensors) };
    };
    const isFixed = typeof model.inputs[0]?.dims?.[0] === 'number';
    const choice =
      job.batch.size === 'auto' && !isFixed
        ? await chooseBatchSize(
            (rows) => consumer.time(inputs.tensors, outputs.tensors, largestOf(settle(rows).buckets)),
            mostRows((rows) => settle(rows).layout, maxBytes),
          )
        : undefined;
    const bounded = await this.#bounded(choice?.size ?? batch.size, isFixed, (rows) =>
      consumer.time(inputs.tensors, outputs.tensors, largestOf(settle(rows).buckets)),
    );
    const size = bounded.size;
    const { buckets, layout } = settle(size);
    const needed = job.batch.order === 'fixed' ? buckets.length + 1 : 0;
    const slots = slotsFor(job, needed, layout.slotBytes, maxBytes);
    checkArena(layout, slots.begin, maxBytes);
    const because = bounded.because ?? choice?.because;
    const chosen = because === undefined ? [] : [{ key: 'batch.size', value: size, because }];
    this.#plan = {
      devices,
      inputs,
      outputs: outputs.columns,
      layout,
      batch: {
        ...batch,
        size,
        preferredSizes: batch.preferredSizes.filter((preferred) => preferred <= size),
      },
      slots,
      chosen,
      transform,
      pins,
      warnings: bounded.warning === undefined ? [] : [bounded.warning],
    };
  }

  /** Where others wait for the device meanwhile, no more rows than run in the time that a batch may take. */
  async #bounded(
    size: number,
    isFixed: boolean,
    time: (rows: number) => Promise<number>,
  ): Promise<BoundedSize> {
    if (this.#sharing === undefined) return { size, because: undefined, warning: undefined };
    const { quantumMicros } = this.#sharing;
    if (!isFixed) {
      const bounded = await boundedSize(time, size, quantumMicros);
      if (bounded.size === size || this.#job.batch.order !== 'fixed') return bounded;
      const warning = `batch.order: fixed: batches have ${bounded.size} rows, not ${size}, to be over in time on a device that is shared; outputs may differ in their last bits from those of the job by itself`;
      return { ...bounded, warning: bounded.warning ?? warning };
    }
    const micros = await time(size);
    if (micros <= quantumMicros) return { size, because: undefined, warning: undefined };
    const warning = `a batch of ${size} rows, the only size that the model takes, runs for ${Math.round(micros / 1000)} ms, longer than it may hold the device: requests wait for it`;
    return { size, because: undefined, warning };
  }

  /** What `plan` found; for those, too, who measure parts of the pipeline by themselves. */
  get planned(): Plan {
    if (this.#plan === undefined) throw new Error('plan() comes first');
    return this.#plan;
  }

  /** The columns that there are: the source's, or what the transform makes of them. */
  async #transformed(
    dataset: Dataset,
    model: LoadedModel,
    signal: AbortSignal | undefined,
  ): Promise<TransformedSource> {
    const { transform: module, source, inputs, batch, sink } = this.#job;
    if (module === undefined) return { schema: dataset.schema, transform: undefined };
    const { lengthColumn } = batch;
    const plain = new Map(
      model.inputs.map(({ name, dtype }) => {
        const { column = name, oneHot } = inputs[name] ?? {};
        return [column, oneHot === undefined ? dtype : 'int32'];
      }),
    );
    const needed = [...plain.keys(), ...sink.keep, ...(lengthColumn === undefined ? [] : [lengthColumn])];
    const access = accessOf(source);
    const request = { module, access, needed, projection: source.columns, lengthColumn, plain };
    return planTransform(this.#producers, dataset, request, signal);
  }

  /** Runs all splits that `directory` does not hold yet; they need not be all that were planned for. */
  async run(
    dataset: Dataset,
    directory: OutputDirectory | undefined,
    context: Pick<
      RunContext,
      'signal' | 'onProgress' | 'onStopped' | 'keep' | 'shard' | 'fingerprint' | 'startedAt'
    > &
      TraceOption,
  ): Promise<Report> {
    const plan = this.planned;
    const { inputs, outputs, transform } = plan;
    const splits = dataset.splits.filter(({ ordinal }) => !directory?.committed.has(ordinal));
    const begun = plan.devices.flatMap(({ model, consumers }) => consumers.map(() => model.device.id));
    const instances = this.#instancesRule(plan);
    const consumers = Math.max(begun.length, instances?.most ?? 0);
    const traced: TracedThreads = {
      lanes: this.#producers.most,
      devices: Array.from({ length: consumers }, (_, i) => begun[i] ?? (begun[0] as string)),
    };
    const trace = context.onTrace && traceMemoryFor(traced);
    const ring = this.#allocate(plan, splits.length, trace, plan.pins ? await openPages() : undefined);
    const { memory } = ring;
    const clocks = createClockPage(this.#producers.most);
    const stalls = createStallMemory(clocks, plan.slots.begin);
    const devices = plan.devices.map((device) => ({ ...device, ledger: createLedgerMemory(stalls) }));
    const consumerClocks = createClockPage(consumers);
    const mostRejections = this.#job.errors.maxRows + 1;
    const { preferredSizes } = plan.batch;
    const attachment = (ledger: LedgerMemory, clock: number, gate?: GatePlace): Attachment => {
      const owner = consumerOwner(memory.config.lanes, clock);
      return {
        ring: memory,
        ledger,
        clocks: consumerClocks,
        clock,
        owner,
        preferredSizes,
        mostRejections,
        gate,
      };
    };
    const stagings = await this.#attach(devices, attachment);
    const [{ model }] = plan.devices as [JobDevice];
    if (plan.pins) this.#pinned = await PinnedRing.pin(ring, model.device, this.#job, stagings);
    const warnings = [...devices.flatMap(({ model }) => model.warnings), ...plan.warnings];
    const run = new Run({
      ...context,
      job: this.#job,
      devices,
      warnings: [...new Set([...warnings, ...slotWarnings(this.#job, begun.length)])],
      ring,
      clocks,
      consumerClocks,
      dataset,
      splits,
      directory,
      producers: this.#producers,
      stalls,
      pinned: this.#pinned,
      chosen: plan.chosen,
      instances,
      another: async (number) => {
        const [{ model, ledger }] = devices as [RunDevice];
        const consumer = this.#sessions.another(model.device.provider);
        await consumer.loaded();
        await consumer.attach(attachment(ledger, number));
        return consumer;
      },
      ...(this.#sharing && { sharing: this.#sharing }),
    });
    const owner = consumerOwner(memory.config.lanes, consumers);
    const target = directory && sinkTarget(this.#job.sink);
    await this.#sink.attach({ ring: memory, stalls, owner, outputs, target }, ring, (part) =>
      run.committed(part),
    );
    try {
      return await run.complete(this.#sink, inputs.collate, transform);
    } catch (error) {
      if (error instanceof StuckError) this.#graceMs = STUCK_GRACE_MS;
      throw error;
    } finally {
      if (trace !== undefined)
        context.onTrace?.(traceText(trace, traced, { job: this.#job.name, startedAt: context.startedAt }));
    }
  }

  #allocate(
    { layout, slots }: Plan,
    splits: number,
    trace: TraceMemory | undefined,
    pages: PageGrid | undefined,
  ): Ring {
    const { batch } = this.#job;
    const fixedOrder = batch.order === 'fixed';
    const { count, most } = this.#producers;
    const memory = createRingMemory(
      layout,
      {
        slots: slots.most,
        lanes: most,
        splits,
        maxDelayMicros: fixedOrder ? Number.POSITIVE_INFINITY : batch.maxDelayMs * 1000,
        fixedOrder,
      },
      { slots: slots.begin, lanes: count },
      pages,
    );
    this.#ring = new Ring({ ...memory, trace }, MAIN_OWNER);
    return this.#ring;
  }

  #instancesRule({ devices, slots }: Plan): InstancesRule | undefined {
    const { model, consumers } = devices[0] as JobDevice;
    return instancesRule(this.#job, model, {
      begin: consumers.length,
      slots: slots.most,
      cores: availableParallelism(),
      shared: this.#sharing !== undefined,
      rssBytes: process.memoryUsage.rss(),
      memoryBytes: availableMemory(),
    });
  }

  /** Gives the ring to all consumers that it begins with, and learns what memory of its own each copies slots into. */
  async #attach(
    devices: readonly RunDevice[],
    attachment: (ledger: LedgerMemory, clock: number, gate: GatePlace | undefined) => Attachment,
  ): Promise<readonly (StagingMemory | undefined)[]> {
    const places = await Promise.all(
      devices.map(({ model, consumers }) => this.#sharing?.join(model.device, consumers.length)),
    );
    const all = devices.flatMap(({ consumers, ledger }, device) =>
      consumers.map((consumer, i) => ({ consumer, ledger, gate: places[device]?.[i] })),
    );
    return Promise.all(
      all.map(({ consumer, ledger, gate }, index) => consumer.attach(attachment(ledger, index, gate))),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ring) new ControlSide(this.#ring).abort();
    this.#sharing?.wake();
    this.#sessions.stop();
    this.#sink.stop();
    const ended = Promise.all([this.#sessions.exited(), this.#sink.exited, this.#producers.close()]);
    await settledWithin(ended, this.#graceMs);
    // Runs that are stuck may still copy from there, and their process ends anyway.
    if (this.#graceMs === Number.POSITIVE_INFINITY) await this.#pinned?.[Symbol.asyncDispose]();
  }
}

/** Sizes that are tried end here: a batch that is larger takes long to fill, and longer to be written. */
const LARGEST_TRIED = 4096;

/** The largest batch of which a ring of the usual number of slots fits. */
function mostRows(layoutOf: (rows: number) => SlotLayout, maxBytes: number): number {
  let rows = 1;
  while (rows < LARGEST_TRIED && layoutOf(rows * 2).slotBytes * 8 <= maxBytes) rows *= 2;
  return rows;
}

function largestOf(buckets: readonly Bucket[]): Bucket {
  return buckets.reduce((most, bucket) =>
    bucket.capacity * bucket.length > most.capacity * most.length ? bucket : most,
  );
}
