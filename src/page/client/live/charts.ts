import { Panel, type PanelOptions } from './chart.js';
import { h, setText } from './dom.js';
import type { LiveFrame } from './frame.js';
import type { Timeline } from './timeline.js';

/** What is said of the figures while nothing is pointed at. */
const AT_REST = 'Now';
const HINT = 'Point at the chart, or use the arrow keys, for exact figures.';
/** Of frames by Page Up and Page Down. */
const PAGE = 10;
const MARKS = 4;

const CLOCK = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

/** Panels one below the other over one axis of time, on which a frame can be pointed at: by mouse, finger and keys. */
export class Charts {
  readonly element: HTMLElement;
  readonly #timeline: Timeline;
  readonly #where = h('output', {}, AT_REST);
  readonly #panels = h('div.panels');
  readonly #scrubber: HTMLElement;
  readonly #crosshair = h('i.crosshair', { hidden: true });
  readonly #marks = Array.from({ length: MARKS + 1 }, () => h('span'));
  #drawn: Panel[] = [];

  constructor(timeline: Timeline, label: string) {
    this.#timeline = timeline;
    this.#scrubber = h(
      'div.scrubber',
      { role: 'slider', tabindex: 0, 'aria-label': label, 'aria-valuemin': 0, 'aria-valuenow': 0 },
      this.#crosshair,
    );
    for (const [i, mark] of this.#marks.entries()) mark.style.left = `${(i / MARKS) * 100}%`;
    this.#marks.at(-1)?.classList.add('last');
    this.#marks[0]?.classList.add('first');
    this.element = h(
      'div.plot',
      {},
      h('p.where', {}, this.#where, ' ', h('small', {}, HINT)),
      this.#panels,
      h('div.axis', { 'aria-hidden': 'true' }, ...this.#marks),
    );
    this.#listen();
  }

  /** Shows these panels in place of those before. */
  show(panels: readonly PanelOptions[]): void {
    this.#drawn = panels.map((options) => new Panel(options));
    this.#panels.replaceChildren(...this.#drawn.map(({ element }) => element), this.#scrubber);
  }

  /** Draws what there is now. */
  draw(): void {
    const { stretch } = this.#timeline;
    const { from, to } = stretch;
    for (const panel of this.#drawn) panel.draw(stretch);
    for (const [i, mark] of this.#marks.entries())
      setText(mark, CLOCK.format(from + ((to - from) * i) / MARKS));
    this.point();
  }

  /** Shows the figures of the frame that is pointed at, or of the last. */
  point(): void {
    const { pinned, last, stretch } = this.#timeline;
    const { from, to, frames } = stretch;
    const caption = pinned === undefined ? AT_REST : momentOf(pinned, last);
    setText(this.#where, caption);
    this.#crosshair.hidden = pinned === undefined;
    if (pinned !== undefined) {
      const middle = pinned.at - (pinned.seconds * 1e3) / 2;
      this.#crosshair.style.left = `${((middle - from) / (to - from)) * 100}%`;
    }
    const said = this.#drawn.map((panel) => panel.say(pinned ?? last));
    this.#scrubber.setAttribute('aria-valuemax', String(Math.max(0, frames.length - 1)));
    this.#scrubber.setAttribute('aria-valuenow', String(frames.indexOf((pinned ?? last) as LiveFrame)));
    this.#scrubber.setAttribute('aria-valuetext', `${caption}: ${said.join('; ')}`);
  }

  recolour(): void {
    for (const panel of this.#drawn) panel.recolour();
  }

  #listen(): void {
    const scrubber = this.#scrubber;
    const timeline = this.#timeline;
    const follow = (event: PointerEvent): void => {
      const { left, width } = scrubber.getBoundingClientRect();
      const { from, to } = timeline.stretch;
      timeline.pinAt(from + ((event.clientX - left) / width) * (to - from));
    };
    scrubber.addEventListener('pointermove', follow);
    scrubber.addEventListener('pointerdown', follow);
    scrubber.addEventListener('pointerleave', (event) => {
      // A finger leaves by being lifted: what it pointed at stays, to be read.
      if (event.pointerType === 'mouse') timeline.pin(undefined);
    });
    scrubber.addEventListener('blur', () => timeline.pin(undefined));
    scrubber.addEventListener('keydown', (event) => {
      const steps: Readonly<Record<string, number>> = {
        ArrowRight: 1,
        ArrowUp: 1,
        ArrowLeft: -1,
        ArrowDown: -1,
        PageUp: PAGE,
        PageDown: -PAGE,
        Home: Number.NEGATIVE_INFINITY,
        End: Number.POSITIVE_INFINITY,
      };
      const by = steps[event.key];
      if (event.key === 'Escape') timeline.pin(undefined);
      else if (by !== undefined) timeline.step(by);
      else return;
      event.preventDefault();
    });
  }
}

function momentOf(frame: LiveFrame, last: LiveFrame | undefined): string {
  const ago = Math.round(((last?.at ?? frame.at) - frame.at) / 1e3);
  return `${CLOCK.format(frame.at)}, ${ago === 0 ? 'the last' : `${ago} s before the last`}`;
}
