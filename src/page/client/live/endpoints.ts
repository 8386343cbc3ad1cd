import type { PanelOptions } from './chart.js';
import { Figure, h, setText } from './dom.js';
import { counted, millis, percentExact, perSecond, whole } from './figures.js';
import type { LiveEndpoint, LiveFrame } from './frame.js';
import { compact } from './scale.js';

const requests = (rate: number): string => perSecond(rate, 'req');
const milliseconds = (value: number): string => `${compact(value)} ms`;

/** What is seen of an endpoint; of one that is not there (any more), nothing. */
export function endpointPanels(name: string): PanelOptions[] {
  const of =
    <T>(value: (endpoint: LiveEndpoint) => T) =>
    ({ endpoints }: LiveFrame): T | null => {
      const endpoint = endpoints.find((candidate) => candidate.name === name);
      return endpoint === undefined ? null : value(endpoint);
    };
  return [
    {
      title: 'Requests a second',
      kind: 'stack',
      size: 'middle',
      tick: compact,
      series: [
        { mark: 'answered', name: 'answered', value: of(({ answered }) => answered), text: requests },
        { mark: 'refused', name: 'refused', value: of(refusals), text: requests },
      ],
    },
    {
      title: 'Latency',
      note: 'from arrival to answer',
      kind: 'lines',
      size: 'tall',
      tick: milliseconds,
      series: [
        { mark: 'p50', name: 'p50', value: of(({ total }) => total?.p50 ?? null), text: millis },
        {
          mark: 'p95',
          name: 'p95',
          value: of(({ total }) => total?.p95 ?? null),
          text: millis,
          dash: [2, 3],
        },
        {
          mark: 'p99',
          name: 'p99',
          value: of(({ total }) => total?.p99 ?? null),
          text: millis,
          dash: [6, 4],
        },
      ],
    },
    {
      title: 'Waiting and running',
      note: 'the p99 of each',
      kind: 'lines',
      size: 'middle',
      tick: milliseconds,
      series: [
        { mark: 'queue', name: 'in the queue', value: of(({ queue }) => queue?.p99 ?? null), text: millis },
        {
          mark: 'compute',
          name: 'on the device',
          value: of(({ compute }) => compute?.p99 ?? null),
          text: millis,
          dash: [6, 4],
        },
      ],
    },
    {
      title: 'Queue',
      kind: 'area',
      size: 'low',
      tick: compact,
      series: [
        {
          mark: 'queue',
          name: 'rows that wait',
          value: of(({ queuedRows }) => queuedRows),
          text: (count) => counted(count, 'row'),
        },
      ],
    },
    {
      title: 'Batches',
      kind: 'area',
      size: 'low',
      tick: compact,
      series: [
        {
          mark: 'rate',
          name: 'rows in each',
          value: of(({ batchRows }) => batchRows),
          text: (rows) => `${rows.toFixed(1)} rows`,
        },
      ],
    },
  ];
}

function refusals({ refused }: LiveEndpoint): number {
  return Object.values(refused).reduce((sum, rate) => sum + rate, 0);
}

interface Column {
  readonly name: string;
  readonly key: string;
  /** Left out where there is less room; by default never. */
  readonly room?: 'some' | 'much';
  value(endpoint: LiveEndpoint): number | null;
  format(value: number): string;
}

const rate = (value: number): string => (value > 0 && value < 9.95 ? value.toFixed(1) : whole(value));

const COLUMNS: readonly Column[] = [
  { name: 'answered/s', key: 'answered', value: ({ answered }) => answered, format: rate },
  { name: 'p50', key: 'total.p50', room: 'some', value: ({ total }) => total?.p50 ?? null, format: millis },
  { name: 'p99', key: 'total.p99', value: ({ total }) => total?.p99 ?? null, format: millis },
  {
    name: 'queue, rows',
    key: 'queuedRows',
    room: 'some',
    value: ({ queuedRows }) => queuedRows,
    format: whole,
  },
  {
    name: 'batch, rows',
    key: 'batchRows',
    room: 'much',
    value: ({ batchRows }) => batchRows,
    format: (rows) => rows.toFixed(1),
  },
  { name: 'full', key: 'batchFill', room: 'much', value: ({ batchFill }) => batchFill, format: percentExact },
  { name: 'refused/s', key: 'refused', value: refusals, format: rate },
  {
    name: 'since start',
    key: 'sums.answered',
    room: 'much',
    value: ({ sums }) => sums.answered,
    format: whole,
  },
];

interface Row {
  readonly element: HTMLElement;
  readonly button: HTMLElement;
  readonly figures: readonly Figure[];
}

function classesOf(room: Column['room']): string {
  return room === undefined ? 'number' : `number.${room}`;
}

/** The endpoints, one a line; the one that is chosen is drawn. */
export class EndpointTable {
  readonly #body = h('tbody');
  readonly #onChoice: (name: string) => void;
  #rows = new Map<string, Row>();
  #chosen: string | undefined;

  constructor(container: HTMLElement, onChoice: (name: string) => void) {
    this.#onChoice = onChoice;
    const head = h(
      'tr',
      {},
      h('th', { scope: 'col' }, 'Endpoint'),
      ...COLUMNS.map(({ name, room }) => h(`th.${classesOf(room)}`, { scope: 'col' }, name)),
    );
    const caption = h('caption.unseen', {}, 'Endpoints in the last second; choose one to draw it');
    container.replaceChildren(h('table.endpoints', {}, caption, h('thead', {}, head), this.#body));
  }

  show({ endpoints }: LiveFrame): void {
    const names = endpoints.map(({ name }) => name);
    if (names.length !== this.#rows.size || names.some((name) => !this.#rows.has(name)))
      this.#renew(endpoints);
    for (const endpoint of endpoints) {
      const row = this.#rows.get(endpoint.name);
      for (const [i, { value }] of COLUMNS.entries()) row?.figures[i]?.show(value(endpoint));
    }
    const [first] = names;
    if (first !== undefined && (this.#chosen === undefined || !names.includes(this.#chosen)))
      this.#choose(first);
  }

  #renew(endpoints: readonly LiveEndpoint[]): void {
    this.#rows = new Map(endpoints.map((endpoint, place) => [endpoint.name, this.#row(endpoint, place)]));
    this.#body.replaceChildren(...[...this.#rows.values()].map(({ element }) => element));
    this.#mark();
  }

  #row({ name, model }: LiveEndpoint, place: number): Row {
    const title = name === '' ? 'All' : name;
    const button = h('button.choice', { type: 'button' }, title);
    if (name !== '' && model !== name) button.append(' ', h('small', {}, model));
    button.addEventListener('click', () => this.#choose(name));
    const figures = COLUMNS.map(({ key, format }) => new Figure(`endpoints.${place}.${key}`, format));
    const cells = figures.map(({ element }, i) => h(`td.${classesOf(COLUMNS[i]?.room)}`, {}, element));
    return { element: h('tr', {}, h('th', { scope: 'row' }, button), ...cells), button, figures };
  }

  #choose(name: string): void {
    if (name === this.#chosen) return;
    this.#chosen = name;
    this.#mark();
    this.#onChoice(name);
  }

  #mark(): void {
    for (const [name, { button, element }] of this.#rows) {
      const isChosen = name === this.#chosen;
      button.setAttribute('aria-pressed', String(isChosen));
      element.classList.toggle('chosen', isChosen);
    }
  }
}

/** What the drawing is of. */
export function endpointTitle(name: string, heading: HTMLElement): void {
  setText(heading, name === '' ? 'All endpoints over time' : `${name} over time`);
}
