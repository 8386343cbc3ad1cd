import type { PanelOptions } from './chart.js';
import { Charts } from './charts.js';
import { byId, setText } from './dom.js';
import { EndpointTable, endpointPanels, endpointTitle } from './endpoints.js';
import { Facts } from './facts.js';
import { bytes, percentExact, perSecond } from './figures.js';
import type { LiveFrame, LiveSubject } from './frame.js';
import { Jobs } from './jobs.js';
import { HEADINGS, PRODUCER_STATES } from './marks.js';
import { onOtherColours } from './patterns.js';
import { compact } from './scale.js';
import { Stream } from './stream.js';
import { Timeline } from './timeline.js';

/* The live page: what comes from the stream goes into the timeline, and from there into all that shows it. */

const timeline = new Timeline(drawAll, () => {
  for (const charts of allCharts) charts.point();
});
const endpointCharts = new Charts(timeline, 'Moment, of the chosen endpoint');
const deviceCharts = new Charts(timeline, 'Moment, of the devices');
const allCharts = [endpointCharts, deviceCharts];
const endpoints = new EndpointTable(byId('endpoint-table'), (name) => {
  endpointTitle(name, byId('endpoint-title'));
  endpointCharts.show(endpointPanels(name));
  if (timeline.last !== undefined) endpointCharts.draw();
});
const jobs = new Jobs(byId('job-list'));
byId('endpoint-charts').append(endpointCharts.element);
byId('device-charts').append(deviceCharts.element);

let subject: LiveSubject | undefined;
let facts: Facts | undefined;
/** A server has told that it stops. */
let hasStopped = false;
/** What device panels there are, as a text to compare. */
let shownDevices = '';

function drawAll(): void {
  const { last } = timeline;
  if (last === undefined || subject === undefined) return;
  setState(last.state, last.state);
  facts?.show(last);
  for (const [id, isThere] of [
    ['endpoints', last.endpoints.length > 0],
    ['devices', last.devices.length > 0],
    ['jobs', last.jobs.length > 0],
  ] as const)
    byId(id).hidden = !isThere;
  byId('waiting').hidden = true;
  byId('controls').hidden = false;
  endpoints.show(last);
  jobs.show(last);
  const devices = JSON.stringify(last.devices.map(({ id, about }) => [id, about]));
  if (devices !== shownDevices) {
    shownDevices = devices;
    deviceCharts.show(devicePanels(last));
  }
  for (const charts of allCharts) charts.draw();
}

/** Each device's time; of a run its rows, producers and memory too. */
function devicePanels({ devices, jobs: [job] }: LiveFrame): PanelOptions[] {
  const share = (value: number): string => `${value * 100} %`;
  // A run asks something of its devices all the time.
  const headings = HEADINGS.filter(({ key }) => subject?.kind === 'serve' || key !== 'idle');
  const shared = { kind: 'stack', top: 1, tick: share } as const;
  const panels: PanelOptions[] = devices.map(({ id, about }) => ({
    ...shared,
    title: id,
    ...(about !== null && { note: about }),
    size: devices.length > 2 ? 'middle' : 'tall',
    series: headings.map(({ key, mark, name }) => ({
      mark,
      name,
      value: (frame: LiveFrame) => frame.devices.find((device) => device.id === id)?.[key] ?? null,
      text: percentExact,
    })),
  }));
  if (job !== undefined) {
    const isRun = subject?.kind === 'run';
    panels.push({
      title: isRun ? 'Rows a second' : 'Rows a second, of batch jobs',
      kind: 'area',
      size: 'middle',
      tick: compact,
      series: [
        {
          mark: 'rate',
          name: 'through the model',
          value: (frame) => frame.jobs.reduce((sum, { rowsPerSecond }) => sum + rowsPerSecond, 0),
          text: (rate) => perSecond(rate, 'rows'),
        },
      ],
    });
  }
  if (subject?.kind === 'run') {
    panels.push({
      ...shared,
      title: 'Producers',
      size: 'middle',
      series: PRODUCER_STATES.map(({ key, mark, name }) => ({
        mark,
        name,
        value: ({ producers }) => producers?.[key] ?? null,
        text: percentExact,
      })),
    });
  }
  panels.push({
    title: 'Memory of the process',
    kind: 'area',
    size: 'low',
    tick: (value) => bytes(value).replace('.0 ', ' '),
    series: [{ mark: 'memory', name: 'resident', value: ({ memory }) => memory, text: bytes }],
  });
  return panels;
}

function setState(text: string, kind: string): void {
  const status = byId('status');
  setText(status, text);
  status.className = `status ${kind.replace(' ', '-')}`;
}

function say(text: string | undefined): void {
  const notice = byId('lost');
  notice.hidden = text === undefined;
  setText(notice.lastElementChild as Element, text ?? '');
}

const form = byId('token-form') as HTMLFormElement;

const stream = new Stream({
  onSubject(about) {
    const isAnother = subject?.kind !== about.kind;
    hasStopped = false;
    subject = about;
    form.hidden = true;
    say(undefined);
    setText(byId('name'), about.name);
    setText(byId('kind'), about.kind === 'serve' ? 'Penstock serve, live' : 'Penstock run, live');
    setText(byId('version'), `Penstock ${about.version}`);
    setText(byId('jobs-title'), about.kind === 'serve' ? 'Jobs beside them' : 'Progress');
    document.title = `${about.name} · Penstock live`;
    setState('connected', 'connected');
    document.querySelector('main')?.classList.add(about.kind);
    if (isAnother) facts = new Facts(byId('facts'), about);
    byId('facts').hidden = false;
    byId('waiting').hidden = timeline.last !== undefined;
  },
  onHistory: (frames) => timeline.replace(frames),
  onFrame: (frame) => timeline.add(frame),
  onEnd() {
    const state = timeline.last?.state;
    const isDone = state === 'completed' || state === 'failed' || state === 'interrupted';
    setState(isDone ? state : 'stopped', isDone ? state : 'stopped');
    const isRun = subject?.kind === 'run';
    say(
      isRun
        ? 'The run is over; this is how it went.'
        : 'The server has stopped. Waiting for it to come back …',
    );
    hasStopped = !isRun;
    return hasStopped;
  },
  onLost() {
    // That a server said so itself is the better news.
    if (hasStopped) return;
    setState('not connected', 'lost');
    say('Nobody answers. Trying again …');
  },
  onToken(wasWrong) {
    setState('locked', 'locked');
    form.hidden = false;
    byId('waiting').hidden = true;
    byId('token-wrong').hidden = !wasWrong;
    byId('token').focus();
  },
});

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const input = byId('token') as HTMLInputElement;
  stream.open(input.value.trim());
  input.value = '';
});

for (const input of document.querySelectorAll<HTMLInputElement>('input[name="length"]')) {
  input.addEventListener('change', () => timeline.show(Number(input.value)));
}

const hold = byId('hold');
hold.addEventListener('click', () => {
  timeline.hold(!timeline.isHeld);
  hold.setAttribute('aria-pressed', String(timeline.isHeld));
});

onOtherColours(() => {
  for (const charts of allCharts) charts.recolour();
});
stream.open();
