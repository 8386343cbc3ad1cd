import type { LiveFrame } from './frame.js';

/** Frames that are kept: those of ten minutes, at two a second. */
const KEPT = 1200;
/** Of what is shown, at the least, seconds. */
const SHORTEST = 20;

/** The stretch of time that is shown, milliseconds since 1970, and the frames in it. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly frames: readonly LiveFrame[];
}

/** The frames that came, which part of them is shown, and which of them is pointed at. */
export class Timeline {
  #frames: LiveFrame[] = [];
  #length = 60;
  /** The end of the frame that is pointed at. */
  #pinned: number | undefined;
  /** While the page is held: the last frame that is shown. */
  #held: LiveFrame | undefined;
  readonly #onChange: () => void;
  readonly #onPoint: () => void;

  /** `onPoint`: only what is pointed at is another. */
  constructor(onChange: () => void, onPoint: () => void) {
    this.#onChange = onChange;
    this.#onPoint = onPoint;
  }

  replace(frames: readonly LiveFrame[]): void {
    this.#frames = [...frames];
    this.#onChange();
  }

  add(frame: LiveFrame): void {
    this.#frames.push(frame);
    if (this.#frames.length > KEPT) this.#frames.shift();
    if (this.#held === undefined) this.#onChange();
  }

  /** Seconds. */
  show(length: number): void {
    this.#length = length;
    this.#onChange();
  }

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  hold(isHeld: boolean): void {
    this.#held = isHeld ? this.#frames.at(-1) : undefined;
    this.#onChange();
  }

  /** The last frame that is shown. */
  get last(): LiveFrame | undefined {
    return this.#held ?? this.#frames.at(-1);
  }

  get stretch(): Stretch {
    const to = this.last?.at ?? Date.now();
    const [first] = this.#frames;
    const begin = first === undefined ? to : first.at - first.seconds * 1e3;
    const from = Math.min(to - SHORTEST * 1e3, Math.max(begin, to - this.#length * 1e3));
    return { from, to, frames: this.#frames.filter(({ at }) => at > from && at <= to) };
  }

  /** The frame that is pointed at, as long as it is shown. */
  get pinned(): LiveFrame | undefined {
    const at = this.#pinned;
    return at === undefined ? undefined : this.stretch.frames.find((frame) => frame.at === at);
  }

  /** Points at the frame that was going on at a moment, or the nearest. */
  pinAt(moment: number): void {
    const { frames } = this.stretch;
    this.pin(frames.find(({ at }) => at >= moment) ?? frames.at(-1));
  }

  pin(frame: LiveFrame | undefined): void {
    if (frame?.at === this.#pinned) return;
    this.#pinned = frame?.at;
    this.#onPoint();
  }

  /** Points at the frame so many places on; where none is pointed at, from the last. */
  step(by: number): void {
    const { frames } = this.stretch;
    const { pinned } = this;
    const at = pinned === undefined ? (by < 0 ? frames.length : -1) : frames.indexOf(pinned);
    this.pin(frames[Math.max(0, Math.min(frames.length - 1, at + by))]);
  }
}
