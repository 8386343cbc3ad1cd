import { h, setText, swatch } from './dom.js';
import type { LiveFrame } from './frame.js';
import { fillOf, shadeOf, strokeOf } from './patterns.js';
import { roundUp } from './scale.js';
import type { Stretch } from './timeline.js';
import uPlot from './uplot.js';

/** One row of numbers in a panel. */
export interface Series {
  readonly mark: string;
  readonly name: string;
  /** Null where there is none. */
  value(frame: LiveFrame): number | null;
  text(value: number): string;
  readonly dash?: readonly number[];
}

export interface PanelOptions {
  readonly title: string;
  readonly note?: string;
  readonly series: readonly Series[];
  readonly size: 'tall' | 'middle' | 'low';
  /** `stack`: areas on top of each other; `area`: one under its line; `lines`. */
  readonly kind: 'stack' | 'area' | 'lines';
  /** Of its axis; without it, as high as what is shown. */
  readonly top?: number;
  tick(value: number): string;
}

/** Between two frames, which is as if there was one missing. */
const GAP_MS = 1500;
/** Round numbers whose halves are round, too. */
const STEPS = [1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10];

/** A panel of a plot: what it shows, in figures and drawn. Time runs to the right, a step a frame. */
export class Panel {
  readonly element: HTMLElement;
  readonly #options: PanelOptions;
  readonly #outputs: readonly HTMLElement[];
  readonly #ticks: readonly HTMLElement[];
  readonly #canvas: HTMLElement;
  readonly #plot: uPlot;
  #from = 0;
  #to = 1;
  #top = 1;

  constructor(options: PanelOptions) {
    this.#options = options;
    this.#outputs = options.series.map(() => h('output', { 'data-series': true }));
    this.#ticks = [0.5, 1].map((at) => {
      const grid = h('i.grid', {}, h('span'));
      grid.style.bottom = `${at * 100}%`;
      return grid;
    });
    this.#canvas = h(`div.canvas.${options.size}`, { 'aria-hidden': 'true' }, ...this.#ticks);
    this.element = h(
      'div.panel',
      {},
      h(
        'div.panel-head',
        {},
        h('h3', {}, options.title, ...(options.note ? [' ', h('small', {}, options.note)] : [])),
        h(
          'ul.keys',
          {},
          ...options.series.map(({ mark, name }, i) =>
            h('li', {}, swatch(mark), h('span', {}, name), ' ', this.#outputs[i] as HTMLElement),
          ),
        ),
      ),
      this.#canvas,
    );
    this.#plot = new uPlot(this.#uplotOptions(), [[], ...options.series.map(() => [])], this.#canvas);
    new ResizeObserver(() => this.#resize()).observe(this.#canvas);
  }

  /** Draws what is shown. */
  draw({ from, to, frames }: Stretch): void {
    this.#from = from;
    this.#to = to;
    const rows = this.#rows(frames);
    const highest = Math.max(0, ...rows.slice(1).flatMap((row) => row.map((value) => value ?? 0)));
    this.#top = this.#options.top ?? roundUp(highest * 1.05, STEPS);
    for (const [i, grid] of this.#ticks.entries()) {
      const text = this.#options.tick(((i + 1) / 2) * this.#top);
      setText(grid.firstElementChild as Element, text);
    }
    this.#plot.setData(rows as unknown as uPlot.AlignedData);
  }

  /** Shows the figures of a frame; what it says is returned, for those who listen. */
  say(frame: LiveFrame | undefined): string {
    return this.#options.series
      .map(({ name, value, text }, i) => {
        const figure = frame === undefined ? null : value(frame);
        const said = figure === null ? '–' : text(figure);
        const output = this.#outputs[i] as HTMLElement;
        setText(output, said);
        output.title = figure === null ? '' : String(figure);
        return `${name} ${said}`;
      })
      .join(', ');
  }

  /** In other colours. */
  recolour(): void {
    this.#plot.redraw(false);
  }

  /** Two places a frame, its begin and its end; a frame that is missing leaves a gap. */
  #rows(frames: readonly LiveFrame[]): (number | null)[][] {
    const { series, kind } = this.#options;
    const rows: (number | null)[][] = [[], ...series.map(() => [])];
    const put = (at: number, values: readonly (number | null)[]): void => {
      rows[0]?.push(at);
      for (const [i, value] of values.entries()) rows[i + 1]?.push(value);
    };
    let end = Number.NEGATIVE_INFINITY;
    for (const frame of frames) {
      const begin = frame.at - frame.seconds * 1e3;
      const values = series.map(({ value }) => value(frame));
      const heights = kind === 'stack' ? stacked(values) : values;
      const isGap = begin - end > GAP_MS;
      if (isGap) {
        put(
          begin - 1,
          series.map(() => null),
        );
      }
      put(isGap ? begin : end, heights);
      put(frame.at, heights);
      end = frame.at;
    }
    // The highest of a stack is drawn first: each covers what is not its own.
    return kind === 'stack' ? [rows[0] as number[], ...rows.slice(1).toReversed()] : rows;
  }

  #uplotOptions(): uPlot.Options {
    const { series, kind } = this.#options;
    const drawn = kind === 'stack' ? series.toReversed() : series;
    return {
      width: 300,
      height: 100,
      padding: [0, 0, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      axes: [{ show: false }, { show: false }],
      scales: {
        x: { time: false, range: () => [this.#from, this.#to] },
        y: { range: () => [0, this.#top] },
      },
      series: [
        {},
        ...drawn.map(
          ({ mark, dash }): uPlot.Series => ({
            points: { show: false },
            ...(kind === 'stack'
              ? { width: 0, fill: () => fillOf(mark) }
              : { width: 1.75, stroke: () => strokeOf(mark), ...(dash && { dash: [...dash] }) }),
            ...(kind === 'area' && { fill: () => shadeOf(mark) }),
          }),
        ),
      ],
    };
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    if (width > 0 && (width !== this.#plot.width || height !== this.#plot.height))
      this.#plot.setSize({ width, height });
  }
}

function stacked(values: readonly (number | null)[]): (number | null)[] {
  let top = 0;
  return values.map((value) => {
    top += value ?? 0;
    return top;
  });
}
