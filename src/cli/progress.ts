import type { Progress } from '../measure/progress.js';
import type { DeviceShares } from '../measure/report.js';
import type { Colors, Terminal } from './terminal.js';
import { bar, percent, perSecond, printable, stopwatch, truncate, whole, widthOf } from './text.js';

const BAR_WIDTH = 16;
const LONGEST_NAME = 24;

/** Seconds into the run of the first line in a log, and between two of them. */
const FIRST_LOG = 2;
const LOG_EVERY = 5;

/** A run's progress is called every half second: a line is due a moment before its time rather than half a second after. */
const TOLERANCE = 0.25;

/** A piece of the live line; the width is counted without the colour. */
interface Piece {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

/** The live line: as much as fits into `width` columns, what matters least left out first. */
export function liveLine(
  name: string,
  progress: Progress,
  left: number | undefined,
  width: number,
  colors: Colors,
): string {
  const { splits, totalSplits, rowsPerSecond, busy, devices, starved, blocked, elapsedSeconds } = progress;
  const done = totalSplits === 0 ? 1 : splits / totalSplits;
  const two = (share: number): string => percent(share).padStart(4);
  const attention = (share: number) => (share >= 0.1 ? { paint: colors.yellow } : {});

  const title = { text: truncate(printable(name), LONGEST_NAME), paint: colors.bold };
  const meter = { text: bar(done, BAR_WIDTH).padEnd(BAR_WIDTH, '·'), paint: colors.cyan };
  const parts = { text: `${whole(splits)}/${whole(totalSplits)} splits` };
  const fewParts = { text: `${whole(splits)}/${whole(totalSplits)}` };
  const rate = { text: perSecond(rowsPerSecond, 'rows') };
  const well = busy >= 0.9 && { paint: colors.green };
  const busyShare = { text: `busy ${two(busy)}`, ...well };
  const busyShares = { text: `busy ${two(busy)}${eachOf(devices)}`, ...well };
  const causes = {
    text: `starved ${two(starved.total)} (${causesOf(starved)})`,
    ...attention(starved.total),
  };
  const cause = { text: `starved ${two(starved.total)}${mainCauseOf(starved)}`, ...attention(starved.total) };
  const blockedShare = { text: `blocked ${two(blocked)}`, ...attention(blocked) };
  const time = { text: stopwatch(elapsedSeconds) };
  const rest = left === undefined ? [] : [{ text: `about ${stopwatch(left)} left`, paint: colors.dim }];

  const lines: Piece[][] = [
    [title, meter, parts, rate, busyShares, causes, blockedShare, time, ...rest],
    [title, parts, rate, busyShares, causes, blockedShare, time, ...rest],
    [title, parts, rate, busyShare, causes, blockedShare, time, ...rest],
    [title, parts, rate, busyShare, causes, blockedShare, time],
    [parts, rate, busyShare, causes, blockedShare, time],
    [fewParts, rate, busyShare, cause, blockedShare, time],
    [fewParts, rate, busyShare, time],
    [fewParts, rate],
  ];
  const fitting = lines.find((line) => widthOf(line.map(({ text }) => text).join('  ')) <= width);
  if (fitting === undefined) return truncate(fewParts.text, width);
  return fitting.map(({ text, paint }) => (paint === undefined ? text : paint(text))).join('  ');
}

/** One line of a log. */
export function logLine(name: string, progress: Progress, left: number | undefined): string {
  const { rows, splits, totalSplits, rowsPerSecond, busy, devices, starved, blocked, elapsedSeconds } =
    progress;
  const pieces = [
    `${printable(name)} ${stopwatch(elapsedSeconds)}`,
    `${whole(splits)}/${whole(totalSplits)} splits`,
    `${whole(rows)} rows`,
    perSecond(rowsPerSecond, 'rows'),
    `${devices.length > 1 ? 'devices' : 'device'} busy ${percent(busy)}${eachOf(devices)}`,
    `starved ${percent(starved.total)} (${causesOf(starved)})`,
    `blocked ${percent(blocked)}`,
  ];
  if (left !== undefined) pieces.push(`about ${stopwatch(left)} left`);
  return pieces.join('  ');
}

/** How busy each of several devices is, in percent. */
function eachOf(devices: readonly DeviceShares[]): string {
  return devices.length > 1 ? ` (${devices.map(({ busy }) => whole(busy * 100)).join(', ')})` : '';
}

function causesOf({ fetch, prep, batching }: DeviceShares['starved']): string {
  return `fetch ${whole(fetch * 100)}, prep ${whole(prep * 100)}, batching ${whole(batching * 100)}`;
}

function mainCauseOf({ total, fetch, prep, batching }: DeviceShares['starved']): string {
  const largest = Math.max(fetch, prep, batching);
  if (total < 0.01) return '';
  return largest === fetch ? ' (fetch)' : largest === prep ? ' (prep)' : ' (batching)';
}

/** Foretells the end from the splits written since the first report: those of earlier runs took none of this run's time. */
export class Forecast {
  #first: Progress | undefined;

  /** Seconds left; undefined while too little is done to tell. */
  left(progress: Progress): number | undefined {
    this.#first ??= progress;
    const splits = progress.splits - this.#first.splits;
    const seconds = progress.elapsedSeconds - this.#first.elapsedSeconds;
    if (splits < 3 || seconds < 1) return undefined;
    return (seconds * (progress.totalSplits - progress.splits)) / splits;
  }
}

/** Shares of several stretches of time as those of all of it. */
class JoinedShares {
  #weight = 0;
  #busy = 0;
  #fetch = 0;
  #prep = 0;
  #batching = 0;
  #blocked = 0;

  add(seconds: number, { busy, starved, blocked }: DeviceShares): void {
    // Shares are all zero until the device's first run: that time counts for nothing.
    const weight = seconds * (busy + starved.total + blocked);
    this.#weight += weight;
    this.#busy += busy * weight;
    this.#fetch += starved.fetch * weight;
    this.#prep += starved.prep * weight;
    this.#batching += starved.batching * weight;
    this.#blocked += blocked * weight;
  }

  get shares(): DeviceShares {
    const share = (sum: number): number => (this.#weight > 0 ? sum / this.#weight : 0);
    const [fetch, prep, batching] = [share(this.#fetch), share(this.#prep), share(this.#batching)];
    return {
      busy: share(this.#busy),
      starved: { total: fetch + prep + batching, fetch, prep, batching },
      blocked: share(this.#blocked),
    };
  }
}

/** Joins the half seconds between two lines of a log: rates and shares over all of them. */
export class Interval {
  #from: { readonly at: number; readonly rows: number } = { at: 0, rows: 0 };
  #before = 0;
  #together = new JoinedShares();
  #devices: JoinedShares[] = [];

  add(progress: Progress): void {
    const { elapsedSeconds, devices } = progress;
    const seconds = elapsedSeconds - this.#before;
    this.#before = elapsedSeconds;
    this.#together.add(seconds, progress);
    for (const [place, device] of devices.entries()) {
      this.#devices[place] ??= new JoinedShares();
      this.#devices[place].add(seconds, device);
    }
  }

  /** The last report with the interval's rates and shares in place of its own; begins the next interval. */
  close(last: Progress): Progress {
    const seconds = last.elapsedSeconds - this.#from.at;
    // What producers did in the last half second says nothing of all of it.
    const { producers: _, ...rest } = last;
    const joined: Progress = {
      ...rest,
      ...this.#together.shares,
      devices: last.devices.map((device, place) => ({ ...device, ...this.#devices[place]?.shares })),
      rowsPerSecond: seconds > 0 ? (last.rows - this.#from.rows) / seconds : 0,
    };
    this.#from = { at: last.elapsedSeconds, rows: last.rows };
    this.#together = new JoinedShares();
    this.#devices = [];
    return joined;
  }
}

/** Shows a run's progress: one line drawn again and again on a terminal, a line every few seconds in a log. */
export class ProgressDisplay {
  readonly #terminal: Terminal;
  readonly #name: string;
  readonly #forecast = new Forecast();
  readonly #interval = new Interval();
  #nextLog = FIRST_LOG;

  constructor(terminal: Terminal, name: string) {
    this.#terminal = terminal;
    this.#name = name;
    if (terminal.isLive)
      terminal.draw(terminal.colors.dim(truncate(`${printable(name)}: starting …`, terminal.columns)));
  }

  readonly show = (progress: Progress): void => {
    const terminal = this.#terminal;
    const left = this.#forecast.left(progress);
    if (terminal.isLive) {
      terminal.draw(liveLine(this.#name, progress, left, terminal.columns, terminal.colors));
      return;
    }
    this.#interval.add(progress);
    if (progress.elapsedSeconds < this.#nextLog - TOLERANCE) return;
    this.#nextLog = progress.elapsedSeconds + LOG_EVERY;
    terminal.print(logLine(this.#name, this.#interval.close(progress), left));
  };
}
