import type { RequestPage } from '../ring/request-page.js';
import type { PendingRequest } from './request.js';

/** The requests that have rows in slots, by their places in the table that consumers see. */
export class Places {
  readonly #page: RequestPage;
  readonly #requests: (PendingRequest | undefined)[];
  readonly #free: number[];

  constructor(page: RequestPage) {
    this.#page = page;
    this.#requests = new Array(page.places).fill(undefined);
    this.#free = Array.from({ length: page.places }, (_, i) => page.places - 1 - i);
  }

  get(place: number): PendingRequest | undefined {
    return this.#requests[place];
  }

  /** A request is about to be put into a slot for the first time. */
  enter(request: PendingRequest): void {
    const place = this.#free.pop();
    if (place === undefined) throw new RangeError('more requests have begun than rows may wait');
    request.place = place;
    this.#requests[place] = request;
    this.#page.begin(place, request.deadline);
  }

  /** Gives its place back, unless something may still come that is meant for it. */
  leave(request: PendingRequest): void {
    const { place } = request;
    if (place < 0 || request.inSlots > 0 || request.awaitsReasons || !request.isOver) return;
    this.#requests[place] = undefined;
    this.#free.push(place);
    request.place = -1;
  }
}
