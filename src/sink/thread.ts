import { parentPort, receiveMessageOnPort } from 'node:worker_threads';
import { StallClock } from '../clock/stall-clock.js';
import { RingStatus } from '../ring/protocol.js';
import { Ring } from '../ring/ring.js';
import { SinkSide } from '../ring/sink-side.js';
import { remoteStorageAtRest } from '../storage/store.js';
import { asPenstockError, InternalError, messageOf, toRecord } from '../util/errors.js';
import { Assembly } from './assembly.js';
import { PartWriter } from './part-writer.js';
import type { CompleteSplit, SinkContext, SinkReply, SinkRequest } from './types.js';
import { mayWriteBeside, sizeOf } from './write-limits.js';

/*
 * The sink: a thread that empties DONE slots, puts rows back into order, encodes and writes parts. With nothing else to
 * do it sleeps in Atomics.wait, from which it wakes several times faster than from Atomics.waitAsync. While parts are being
 * written it does so for moments, as long as slots keep coming in, and gives its event loop turns between them; when they
 * don't, it waits without blocking it, so that the writes go on. News from the main thread is fetched, not delivered: whoever
 * posts a message signals the ring's event.
 */

/** How long its event loop may stand still while parts are being written, milliseconds. */
const MOMENT_MS = 0.5;

if (parentPort === null) throw new Error('this module is the entry of the sink thread');
const port = parentPort;
const reply = (message: SinkReply): void => port.postMessage(message);

class Sink {
  readonly #ring: Ring;
  readonly #side: SinkSide;
  readonly #stalls: StallClock;
  readonly #assembly: Assembly;
  /** Undefined: outputs are dropped. */
  readonly #writer: PartWriter | undefined;
  readonly #writes = new Set<Promise<void>>();
  /** Of splits being written, as they are in memory. */
  #bytes = 0;
  readonly #backlog: CompleteSplit[] = [];
  #splits = Number.POSITIVE_INFINITY;
  #finished = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(context: SinkContext, writer: PartWriter | undefined) {
    this.#writer = writer;
    this.#ring = new Ring(context.ring, context.owner);
    this.#side = new SinkSide(this.#ring);
    this.#stalls = new StallClock(context.stalls, context.owner);
    this.#assembly = new Assembly(this.#ring, context.target === undefined ? [] : context.outputs);
  }

  /** From the main thread: what the slots alone can't tell. */
  #receive(): void {
    for (let news = receiveMessageOnPort(port); news !== undefined; news = receiveMessageOnPort(port)) {
      const request = news.message as SinkRequest;
      if (request.kind === 'end') this.#splits = request.splits;
      else if (request.kind === 'produced') this.#backlog.push(...this.#assembly.produced(request.split));
      else if (request.kind === 'rejected')
        this.#backlog.push(...this.#assembly.rejected(request.split, request.letters));
    }
  }

  /** Until every split is written, or the ring is aborted. */
  async drain(): Promise<void> {
    while (this.#finished < this.#splits) {
      const ticket = this.#ring.done.ticket();
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#ring.status === RingStatus.ABORTED) break;
      this.#receive();
      this.#startWrites();
      if (this.#backlog.length > 0) {
        this.#side.pause();
        await Promise.race(this.#writes);
        continue;
      }
      const slot = this.#side.take();
      if (slot >= 0) this.#empty(slot);
      else if (this.#writes.size > 0) await this.#waitBesideWrites(ticket);
      else if (this.#finished < this.#splits) this.#ring.done.wait(ticket);
    }
    await Promise.all(this.#writes);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #waitBesideWrites(ticket: number): Promise<void> {
    const { done } = this.#ring;
    if (done.wait(ticket, MOMENT_MS)) await new Promise((resolve) => setImmediate(resolve));
    else await done.waitAsync(ticket);
  }

  #empty(slot: number): void {
    this.#backlog.push(...this.#assembly.take(slot));
    // Booked before the slot is free: the other way round, it could be filled and finished first.
    this.#stalls.slotReleased();
    this.#side.release(slot);
  }

  #startWrites(): void {
    for (let split = this.#backlog[0]; split !== undefined; split = this.#backlog[0]) {
      const bytes = sizeOf(split);
      if (!mayWriteBeside(this.#writes.size, this.#bytes, bytes)) return;
      this.#backlog.shift();
      this.#bytes += bytes;
      const write: Promise<void> = this.#write(split)
        .catch((error: unknown) => {
          this.#failure ??= { error };
        })
        .finally(() => {
          this.#writes.delete(write);
          this.#bytes -= bytes;
          this.#ring.done.signal();
        });
      this.#writes.add(write);
    }
  }

  async #write(split: CompleteSplit): Promise<void> {
    if (this.#writer !== undefined) {
      const { ordinal } = split.produced;
      this.#ring.trace?.writeBegin(ordinal);
      const part = await this.#writer.write(split);
      this.#ring.trace?.writeEnd(ordinal);
      reply({ kind: 'part', part });
    }
    this.#finished++;
  }
}

async function main(): Promise<void> {
  try {
    const first = await new Promise<SinkRequest>((resolve) => port.once('message', resolve));
    if (first.kind !== 'attach') return;
    const { target } = first.context;
    const sink = new Sink(first.context, target && (await PartWriter.open(target)));
    reply({ kind: 'started' });
    await sink.drain();
    reply({ kind: 'finished' });
  } catch (cause) {
    const wrap = (thrown: unknown): InternalError =>
      new InternalError(`the sink failed: ${messageOf(thrown)}`, { cause: thrown });
    reply({ kind: 'failed', error: toRecord(asPenstockError(cause, wrap)) });
  } finally {
    // A thread that ends before its requests do would take the process with it.
    await remoteStorageAtRest();
    port.close();
  }
}

await main();
