import { Figure, h, setText } from './dom.js';
import { percentExact, perSecond, whole } from './figures.js';
import type { LiveFrame, LiveJob } from './frame.js';

interface Row {
  readonly element: HTMLElement;
  readonly name: string;
  readonly part: HTMLElement;
  readonly state: HTMLElement;
  readonly bar: HTMLElement;
  readonly error: HTMLElement;
  readonly share: Figure;
  readonly splits: HTMLElement;
  readonly rows: Figure;
  readonly rate: Figure;
}

/** Of a job, how much of it is done. */
function shareOf({ splits, splitsDone, state }: LiveJob): number {
  if (splits === 0) return state === 'completed' ? 1 : 0;
  return splitsDone / splits;
}

/** Batch jobs, one below the other: how far each is. */
export class Jobs {
  readonly #container: HTMLElement;
  #rows: Row[] = [];

  constructor(container: HTMLElement) {
    this.#container = container;
  }

  show({ jobs }: LiveFrame): void {
    const areSame =
      jobs.length === this.#rows.length && jobs.every(({ name }, i) => name === this.#rows[i]?.name);
    if (!areSame) {
      this.#rows = jobs.map((job, place) => makeRow(job, place));
      this.#container.replaceChildren(...this.#rows.map(({ element }) => element));
    }
    for (const [i, job] of jobs.entries()) showRow(this.#rows[i] as Row, job);
  }
}

function makeRow({ name }: LiveJob, place: number): Row {
  const key = `jobs.${place}.`;
  const row = {
    name,
    part: h('span'),
    state: h('span.status'),
    bar: h('i.fill-busy'),
    error: h('p.fault', { hidden: true }),
    share: new Figure(`${key}share`, percentExact),
    splits: h('span'),
    rows: new Figure(`${key}rows`, (count) => `${whole(count)} rows`),
    rate: new Figure(`${key}rowsPerSecond`, (rate) => perSecond(rate, 'rows')),
  };
  const element = h(
    'li.job',
    {},
    h('p.job-name', {}, h('b', {}, name), ' ', row.part, ' ', row.state),
    h('p.job-rate', {}, row.rate.element),
    h('div.gauge', { 'aria-hidden': 'true' }, row.bar),
    h('p.job-done', {}, row.share.element, ' ', row.splits),
    h('p.job-rows', {}, row.rows.element),
    row.error,
  );
  return { ...row, element };
}

function showRow(row: Row, job: LiveJob): void {
  const share = shareOf(job);
  setText(row.part, job.part ?? '');
  setText(row.state, job.state);
  row.state.className = `status ${job.state}`;
  row.bar.style.width = `${share * 100}%`;
  row.share.show(share);
  setText(row.splits, `done, ${whole(job.splitsDone)} of ${whole(job.splits)} splits written`);
  row.rows.show(job.rows);
  row.rate.show(job.rowsPerSecond);
  row.error.hidden = job.error === null;
  setText(row.error, job.error ?? '');
}
