import { Figure, h, setText } from './dom.js';
import { bytes, counted, duration, millis, percentExact, perSecond, whole } from './figures.js';
import type { LiveDevice, LiveFrame, LiveSubject } from './frame.js';

/** A number that the page opens with, and what is said under it. */
interface Fact {
  readonly name: string;
  readonly key: string;
  value(frame: LiveFrame): number | null;
  format(value: number): string;
  note(frame: LiveFrame): string;
}

const requests = (rate: number): string => perSecond(rate, 'req');
const rows = (rate: number): string => perSecond(rate, 'rows');

function refusedOf({ endpoints: [all] }: LiveFrame): number {
  return Object.values(all?.refused ?? {}).reduce((sum, rate) => sum + rate, 0);
}

function meanOf(devices: readonly LiveDevice[], share: (device: LiveDevice) => number): number | null {
  return devices.length === 0
    ? null
    : devices.reduce((sum, device) => sum + share(device), 0) / devices.length;
}

const starved = ({ fetch, prep, batching }: LiveDevice): number => fetch + prep + batching;

const DEVICES: Fact = {
  name: 'Busy',
  key: 'devices.busy',
  value: ({ devices }) => meanOf(devices, ({ busy }) => busy),
  format: percentExact,
  note: ({ devices }) => `starved ${percentExact(meanOf(devices, starved) ?? 0)}`,
};

const MEMORY: Fact = {
  name: 'Memory',
  key: 'memory',
  value: ({ memory }) => memory,
  format: bytes,
  note: ({ uptime }) => `up for ${duration(uptime)}`,
};

const OF_SERVER: readonly Fact[] = [
  {
    name: 'Answered',
    key: 'endpoints.0.answered',
    value: ({ endpoints: [all] }) => all?.answered ?? null,
    format: requests,
    note: ({ endpoints: [all] }) => rows(all?.rowsPerSecond ?? 0),
  },
  {
    name: 'Latency, p99',
    key: 'endpoints.0.total.p99',
    value: ({ endpoints: [all] }) => all?.total?.p99 ?? null,
    format: millis,
    note: ({ endpoints: [all] }) => (all?.total ? `p50 ${millis(all.total.p50)}` : 'nothing was answered'),
  },
  {
    name: 'Refused',
    key: 'refused',
    value: refusedOf,
    format: requests,
    note: ({ endpoints: [all] }) =>
      Object.entries(all?.refused ?? {})
        .map(([reason, rate]) => `${reason} ${rate < 10 ? rate.toFixed(1) : whole(rate)}`)
        .join(', ') || 'none',
  },
  {
    name: 'Queue',
    key: 'endpoints.0.queuedRows',
    value: ({ endpoints: [all] }) => all?.queuedRows ?? null,
    format: (count) => counted(count, 'row'),
    note: ({ endpoints: [all] }) => `${bytes(all?.queuedBytes ?? 0)} of tensors`,
  },
  DEVICES,
  MEMORY,
];

const OF_RUN: readonly Fact[] = [
  {
    name: 'Throughput',
    key: 'jobs.0.rowsPerSecond',
    value: ({ jobs: [job] }) => job?.rowsPerSecond ?? null,
    format: rows,
    note: () => 'through the model',
  },
  {
    name: 'Rows',
    key: 'jobs.0.rows',
    value: ({ jobs: [job] }) => job?.rows ?? null,
    format: whole,
    note: ({ jobs: [job] }) =>
      `${whole(job?.splitsDone ?? 0)} of ${counted(job?.splits ?? 0, 'split')} written`,
  },
  {
    name: 'Time',
    key: 'uptime',
    value: ({ uptime }) => uptime,
    format: duration,
    note: ({ producers }) => (producers === null ? '' : `${counted(producers.count, 'producer')} at work`),
  },
  DEVICES,
  { ...MEMORY, note: () => 'of the process' },
];

/** The figures that the page opens with. */
export class Facts {
  readonly #list: readonly { readonly fact: Fact; readonly figure: Figure; readonly note: HTMLElement }[];

  constructor(container: HTMLElement, { kind }: LiveSubject) {
    this.#list = (kind === 'serve' ? OF_SERVER : OF_RUN).map((fact) => ({
      fact,
      figure: new Figure(fact.key, fact.format),
      note: h('small'),
    }));
    container.replaceChildren(
      ...this.#list.map(({ fact, figure, note }) =>
        h('div', {}, h('dt', {}, fact.name), h('dd', {}, figure.element, note)),
      ),
    );
  }

  show(frame: LiveFrame): void {
    for (const { fact, figure, note } of this.#list) {
      figure.show(fact.value(frame));
      setText(note, fact.note(frame));
    }
  }
}
