import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex, Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { DeviceError, type ErrorRecord, fromRecord, messageOf } from '../../util/errors.js';
import { moduleFlags } from '../../util/exec-argv.js';
import type { SessionSpec, TensorView } from '../types.js';
import type { SharedMemory } from './memory.js';
import { bytesIn, Descriptor, frame, infoOf, placesOf, type Reply, type SessionInfo } from './protocol.js';
import { ReplyReader } from './reply-reader.js';

const CHILD = fileURLToPath(new URL('./child.js', import.meta.url));
/** How long a session may take to close, which some never do, before its process is killed all the same. */
const CLOSE_MS = 5000;
/** How long to wait for what a process that is gone has said last: what it has started may keep its stderr open. */
const LAST_WORDS_MS = 1000;
const LOG_CHARACTERS = 4000;
const LAST_LINES = 3;

/** The process is gone, and whatever it was asked is not answered. */
export class ProcessDeath extends Error {
  /** In a few words: a signal, or an exit code. */
  readonly how: string;
  readonly pid: number;

  constructor(how: string, pid: number, log: string) {
    const said = log.trim().split('\n').slice(-LAST_LINES).join(' | ');
    super(said === '' ? how : `${how}; it said last: ${said}`);
    this.how = how;
    this.pid = pid;
  }
}

/** Beside the message: bytes that follow it, where those go that follow the answer, and how long it may take. */
interface Exchange {
  readonly sent?: readonly Uint8Array[];
  readonly wanted?: readonly Uint8Array[];
  readonly limitMs?: number | undefined;
}

/** A batch, ready to be sent. */
interface Parcel {
  readonly outputs: readonly TensorView[];
  readonly framed: Buffer;
  /** The tensors' bytes. */
  readonly sent: readonly Uint8Array[];
  readonly wanted: readonly Uint8Array[];
  /** Where they lie in the area, and how large it has to be. */
  readonly offsets: readonly number[];
  readonly bytes: number;
}

function parcelOf(
  kind: 'run' | 'outputDims',
  inputs: readonly TensorView[],
  outputs: readonly TensorView[],
): Parcel {
  const infos = { inputs: inputs.map(infoOf), outputs: outputs.map(infoOf) };
  return {
    outputs,
    framed: frame({ kind, ...infos }),
    sent: inputs.map(({ data }) => bytesIn(data)),
    wanted: outputs.map(({ data }) => bytesIn(data)),
    ...placesOf([...infos.inputs, ...infos.outputs]),
  };
}

/** A session's process, as the thread sees it that uses it. Whoever starts it closes it. */
export class SessionProcess {
  readonly #child: ChildProcess;
  readonly #socket: Duplex;
  readonly #memory: SharedMemory | undefined;
  readonly #reader: ReplyReader;
  readonly #exited: Promise<void>;
  /** By the inputs: those of full batches come again and again. */
  readonly #parcels = new WeakMap<readonly TensorView[], Parcel>();
  #waiting: { readonly resolve: (reply: Reply) => void; readonly reject: (error: Error) => void } | undefined;
  #death: Error | undefined;
  /** Why we have killed it, where we have. */
  #killedFor: string | undefined;
  #log = '';

  private constructor(child: ChildProcess, memory: SharedMemory | undefined) {
    this.#child = child;
    this.#socket = child.stdio[Descriptor.socket] as Duplex;
    this.#memory = memory;
    this.#reader = new ReplyReader((reply) => this.#receive(reply));
    this.#socket.on('data', (chunk: Buffer) => this.#reader.feed(chunk));
    // That the other end is gone, its death tells, and how it came.
    for (const pipe of child.stdio.slice(Descriptor.socket)) pipe?.on('error', () => {});
    const stderr = child.stderr as Readable;
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-LOG_CHARACTERS);
      // As if it were no other process: native code tells there what may explain a failure.
      process.stderr.write(text);
    });
    child.once('error', (error) =>
      this.#die(new DeviceError(`a process for the session can't be started: ${error.message}`)),
    );
    this.#exited = once(child, 'exit').then(
      async ([code, signal]) => {
        if (!stderr.closed)
          await Promise.race([once(stderr, 'close'), delay(LAST_WORDS_MS, undefined, { ref: false })]);
        this.#die(
          new ProcessDeath(this.#killedFor ?? signal ?? `exit code ${code}`, child.pid ?? 0, this.#log),
        );
      },
      () => {},
    );
  }

  static start(memory: SharedMemory | undefined): SessionProcess {
    try {
      // What it prints is for people: stdout may be a document of ours.
      const child = spawn(process.execPath, [...moduleFlags(), CHILD], {
        stdio: ['ignore', 2, 'pipe', 'pipe', 'pipe', memory?.descriptor ?? 'ignore'],
        windowsHide: true,
      });
      return new SessionProcess(child, memory);
    } catch (cause) {
      throw new DeviceError(`a process for the session can't be started: ${messageOf(cause)}`, { cause });
    }
  }

  async load(spec: SessionSpec): Promise<SessionInfo> {
    const reply = await this.#ask(frame({ kind: 'load', spec, sharesMemory: this.#memory !== undefined }));
    if (reply.kind !== 'loaded') throw unexpected(reply);
    return reply.info;
  }

  /** @param limitMs after so many milliseconds without an answer, the process is killed */
  async run(inputs: readonly TensorView[], outputs: readonly TensorView[], limitMs?: number): Promise<void> {
    let parcel = this.#parcels.get(inputs);
    if (parcel?.outputs !== outputs) {
      parcel = parcelOf('run', inputs, outputs);
      this.#parcels.set(inputs, parcel);
    }
    const reply = await this.#carry(parcel, limitMs);
    if (reply.kind !== 'ran') throw unexpected(reply);
  }

  async outputDims(
    inputs: readonly TensorView[],
    limitMs?: number,
  ): Promise<ReadonlyMap<string, readonly number[]>> {
    const reply = await this.#carry(parcelOf('outputDims', inputs, []), limitMs);
    if (reply.kind !== 'outputDims') throw unexpected(reply);
    return reply.dims;
  }

  /** Closes the session and ends the process. Never rejects: it is over either way. */
  async close(): Promise<void> {
    if (this.#death === undefined)
      await this.#ask(frame({ kind: 'close' }), { limitMs: CLOSE_MS }).catch(() => {});
    // Nothing is left to do, and native libraries are known to crash or hang on the way out.
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** Asks with inputs, and brings the outputs back. */
  async #carry(
    { framed, sent, wanted, offsets, bytes }: Parcel,
    limitMs: number | undefined,
  ): Promise<Reply> {
    if (this.#memory === undefined) return this.#ask(framed, { sent, wanted, limitMs });
    const area = new Uint8Array(this.#memory.area(bytes));
    for (const [i, tensor] of sent.entries()) area.set(tensor, offsets[i]);
    const reply = await this.#ask(framed, { limitMs });
    for (const [i, tensor] of wanted.entries()) {
      const offset = offsets[sent.length + i] as number;
      tensor.set(area.subarray(offset, offset + tensor.byteLength));
    }
    return reply;
  }

  async #ask(framed: Buffer, { sent = [], wanted = [], limitMs }: Exchange = {}): Promise<Reply> {
    if (this.#death !== undefined) throw this.#death;
    const timer =
      limitMs === undefined
        ? undefined
        : setTimeout(() => this.#kill(`no answer within ${limitMs} ms`), limitMs);
    try {
      return await new Promise<Reply>((resolve, reject) => {
        this.#waiting = { resolve, reject };
        this.#reader.expect(wanted);
        this.#send(framed, sent);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #send(framed: Buffer, payload: readonly Uint8Array[]): void {
    if (payload.length > 0) this.#socket.cork();
    this.#socket.write(framed);
    for (const bytes of payload) if (bytes.byteLength > 0) this.#socket.write(bytes);
    if (payload.length > 0) this.#socket.uncork();
  }

  #receive(reply: Reply): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (reply.kind !== 'failed') waiting?.resolve(reply);
    else waiting?.reject(revived(reply.error));
  }

  #kill(why: string): void {
    this.#killedFor ??= why;
    this.#child.kill('SIGKILL');
  }

  #die(death: Error): void {
    this.#death ??= death;
    this.#waiting?.reject(this.#death);
    this.#waiting = undefined;
  }
}

/** What the runtime said in its own words stays as it was; see `asPenstockError`. */
function revived(record: ErrorRecord): Error {
  return record.code === 'INTERNAL' ? new Error(record.message) : fromRecord(record);
}

function unexpected(reply: Reply): Error {
  return new Error(`the session's process answered out of turn: ${reply.kind}`);
}
