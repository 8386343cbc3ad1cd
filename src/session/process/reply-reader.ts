import { HEAD_BYTES, type Reply, unframe } from './protocol.js';

/** Puts replies together out of the pieces that a socket delivers, and their payload straight where it belongs. */
export class ReplyReader {
  readonly #onReply: (reply: Reply) => void;
  readonly #head = Buffer.alloc(HEAD_BYTES);
  /** What is filled now, one after another, and what to do then. */
  #targets: readonly Uint8Array[] = [];
  #filled = 0;
  #then: () => void = () => {};
  #payload: readonly Uint8Array[] = [];

  constructor(onReply: (reply: Reply) => void) {
    this.#onReply = onReply;
    this.#nextReply();
  }

  /** Where the payload of the next `ran` goes. */
  expect(payload: readonly Uint8Array[]): void {
    this.#payload = payload;
  }

  feed(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.byteLength > 0) {
      const target = this.#targets[0] as Uint8Array;
      const piece = rest.subarray(0, target.byteLength - this.#filled);
      target.set(piece, this.#filled);
      this.#filled += piece.byteLength;
      rest = rest.subarray(piece.byteLength);
      if (this.#filled === target.byteLength) this.#fill(this.#targets.slice(1), this.#then);
    }
  }

  #fill(targets: readonly Uint8Array[], then: () => void): void {
    this.#targets = targets.filter(({ byteLength }) => byteLength > 0);
    this.#filled = 0;
    this.#then = then;
    if (this.#targets.length === 0) then();
  }

  #nextReply(): void {
    this.#fill([this.#head], () => {
      const message = Buffer.allocUnsafe(this.#head.readUInt32LE());
      this.#fill([message], () => {
        const reply = unframe(message);
        this.#fill(reply.kind === 'ran' ? this.#payload : [], () => {
          this.#nextReply();
          this.#onReply(reply);
        });
      });
    });
  }
}
