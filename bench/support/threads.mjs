import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** A thread that runs a bench's own file again, with `role` in `workerData`; asked by `ask`, it answers each message. */
export class Thread {
  #worker;

  constructor(file, role) {
    this.#worker = new Worker(new URL(file), { workerData: { role } });
  }

  /** Sends a message and resolves to the answer; rejects with what the thread died of. */
  async ask(message) {
    this.#worker.postMessage(message);
    const [answer] = await once(this.#worker, 'message');
    return answer;
  }

  async end() {
    await this.#worker.terminate();
  }
}
