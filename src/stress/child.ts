import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { DeviceError, type ErrorRecord, fromRecord, messageOf } from '../util/errors.js';
import { moduleFlags } from '../util/exec-argv.js';
import { settledWithin } from '../util/grace.js';

/*
 * Server and load generator each live in a process of their own, so that neither has to wait for the other's event loop. What
 * they are asked goes over the channel between parent and child.
 */

/** What a child can be asked, by name: the question, and the answer. */
export type Questions = Readonly<Record<string, { readonly question: unknown; readonly answer: unknown }>>;

export interface Asked {
  readonly id: number;
  readonly kind: string;
  readonly question: unknown;
}

export type Answered =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: ErrorRecord };

/** How long a child may take to put its things away. */
const GRACE_MS = 2000;
/** Of what it says on stderr, the end is kept. */
const LAST_WORDS = 2000;

/** A process that answers questions. Whoever starts it disposes of it. */
export class Child<Q extends Questions> implements AsyncDisposable {
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #waiting = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>();
  #id = 0;
  #said = '';
  #failure: Error | undefined;

  /** @param name what it is called in messages */
  constructor(entry: URL, name: string, env: NodeJS.ProcessEnv = process.env) {
    this.#name = name;
    this.#process = fork(fileURLToPath(entry), {
      // Only what decides how modules are loaded; not --inspect, whose port is taken.
      execArgv: moduleFlags(),
      env,
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#exited = new Promise((resolve) => {
      this.#process.once('exit', resolve);
      // What has not started does not exit.
      this.#process.on('error', () => this.#process.pid === undefined && resolve(undefined));
    });
    this.#process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-LAST_WORDS);
    });
    this.#process.on('message', (message) => this.#receive(message as Answered));
    this.#process.on('error', (cause) => this.#fail(`${name}: does not start: ${messageOf(cause)}`));
    // After everything that it said has arrived.
    this.#process.once('close', (code, signal) => {
      const said = this.#said.trim();
      this.#fail(`${name}: ended early, ${signal ?? `with code ${code}`}${said === '' ? '' : `: ${said}`}`);
    });
  }

  async ask<K extends keyof Q & string>(kind: K, question: Q[K]['question']): Promise<Q[K]['answer']> {
    if (this.#failure !== undefined) throw this.#failure;
    const id = ++this.#id;
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    // What it can't be told any more fails once it is gone: then it is known why.
    this.#process.send({ id, kind, question } satisfies Asked, () => {});
    return answer;
  }

  #receive(message: Answered): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if ('error' in message) waiting?.reject(fromRecord(message.error));
    else waiting?.resolve(message.answer);
  }

  #fail(text: string): void {
    this.#failure ??= new DeviceError(text);
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }

  /** Lets it end in good order; where it does not, it is ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    await settledWithin(this.#exited, GRACE_MS);
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGKILL');
    await this.#exited;
    // Node tells of no close where it was this side that let go: whoever still waits would wait for ever.
    this.#fail(`${this.#name}: was let go`);
  }
}
