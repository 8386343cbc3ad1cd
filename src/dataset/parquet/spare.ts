/** A piece of a page of extraordinary size is not kept. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

/** Memory that serves again: fresh memory costs page faults, and the garbage collector looks at all that there is for it. */
export class Spare {
  #piece: Uint8Array | undefined;

  /** At the least `bytes` bytes, whatever is in them. */
  take(bytes: number): Uint8Array {
    const piece = this.#piece;
    if (piece === undefined || piece.length < bytes) return new Uint8Array(Math.ceil((bytes * 1.25) / 8) * 8);
    this.#piece = undefined;
    return piece;
  }

  /** Nobody may look at it any more. */
  give(piece: Uint8Array): void {
    if (piece.length <= MAX_KEPT_BYTES && piece.length > (this.#piece?.length ?? 0)) this.#piece = piece;
  }
}
