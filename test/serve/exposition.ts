/** A scrape in the text format of Prometheus, read strictly: what is not as it has to be is an error. */
export interface ScrapedFamily {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: {
    readonly name: string;
    readonly labels: Record<string, string>;
    readonly value: number;
  }[];
}

const METRIC = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
  gauge: [''],
  counter: [''],
};

export function parseExposition(text: string): Map<string, ScrapedFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const families = new Map<string, ScrapedFamily>();
  let family: ScrapedFamily | undefined;
  let help: { name: string; text: string } | undefined;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      if (families.has(name)) throw new Error(`${name} stands there twice`);
      help = { name, text: rest };
    } else if (keyword === 'TYPE') {
      if (help?.name !== name) throw new Error(`${name} has no HELP before its TYPE`);
      if (!METRIC.test(name) || !(rest in SUFFIXES)) throw new Error(line);
      family = { name, help: help.text, type: rest, samples: [] };
      families.set(name, family);
    } else {
      if (family === undefined) throw new Error(`before any TYPE: ${line}`);
      family.samples.push(sampleOf(line, family));
    }
  }
  return families;
}

function sampleOf(line: string, { name, type }: ScrapedFamily): ScrapedFamily['samples'][number] {
  const [, sample = '', inner = '', number = ''] = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (!SUFFIXES[type]?.some((suffix) => sample === name + suffix)) throw new Error(`not of ${name}: ${line}`);
  const value = Number(number.replace('+Inf', 'Infinity'));
  // As Go reads it, which Prometheus is written in: in any case.
  if (Number.isNaN(value) && number.toLowerCase() !== 'nan') throw new Error(line);
  return { name: sample, labels: labelsOf(inner), value };
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (LABEL.lastIndex = 0; LABEL.lastIndex < text.length; ) {
    const [, label = '', value = ''] = LABEL.exec(text) ?? [];
    if (label === '' || label in labels) throw new Error(`labels: ${text}`);
    labels[label] = value.replace(/\\(.)/g, (_, character) => (character === 'n' ? '\n' : character));
  }
  return labels;
}

/** What `promtool check metrics` complains about. */
export function lint({ name, help, type, samples }: ScrapedFamily): string[] {
  const faults: string[] = [];
  const fault = (text: string): void => void faults.push(`${name}: ${text}`);
  if (help.trim() === '') fault('no help');
  if (type === 'counter' && !name.endsWith('_total')) fault('a counter that does not end in _total');
  if (type !== 'counter' && name.endsWith('_total')) fault('ends in _total, and is no counter');
  if (type !== 'histogram' && type !== 'summary' && /_(count|sum|bucket)$/.test(name))
    fault('a reserved suffix');
  if (/_(milliseconds|ms|micros|microseconds|minutes|kilobytes|kb|megabytes|percent)(_|$)/.test(name))
    fault('no base unit');
  if (new RegExp(`_${type}(_|$)`).test(name)) fault('its type in its name');
  if (/[A-Z]/.test(name)) fault('capitals');
  for (const { labels } of samples) {
    for (const label of Object.keys(labels)) {
      if (label.startsWith('__') || (label === 'le' && type !== 'histogram'))
        fault(`a reserved label: ${label}`);
      if (/[A-Z]/.test(label)) fault(`capitals in a label: ${label}`);
    }
  }
  return [...new Set(faults)];
}
