import { median } from '../../support/stats.mjs';
import { reads } from './peers.mjs';

/** Bytes of a row of the vectors, which loaders are measured with. */
const gigabytes = (rowsPerSecond, rowBytes) => (rowsPerSecond * rowBytes) / 1e9;

export function tablesOf({ results, peers, loader, endToEnd, rowBytes }) {
  const speed = (consumer) => (result) => gigabytes(result[consumer].rowsPerSecond, rowBytes);
  const tables = [];
  if (loader.length > 0) {
    tables.push(
      {
        title: 'Loader only, GB/s: the consumer reads one number of each batch',
        cases: loader,
        pick: speed('touch'),
      },
      {
        title: 'Loader only, GB/s: the consumer copies each batch, as it is sent to a device',
        cases: loader,
        pick: speed('copy'),
      },
      {
        title: 'Share of the time in which a device of 320,000 rows/s that needs no CPU has a batch, %',
        cases: loader,
        pick: (result) => result.work.busy * 100,
      },
    );
  }
  if (endToEnd.length > 0) {
    tables.push({
      title: 'End to end, thousand rows/s: read, ONNX Runtime on the CPU, write',
      cases: endToEnd,
      pick: ({ rows, seconds }) => rows / seconds / 1000,
    });
  }
  return tables
    .map(({ title, cases, pick }) => `${title}\n\n${table(results, peers, cases, pick)}`)
    .join('\n\n');
}

function table(results, peers, cases, pick) {
  const head = ['', ...cases.map(({ key }) => key)];
  const lines = peers
    .map((peer) => [peer.name, ...cases.map((one) => cell(results, peer, one, pick))])
    .filter(([, ...cells]) => cells.some((text) => text !== ''));
  return markdown([head, ...lines]);
}

export function cell(results, peer, one, pick) {
  const values = results.values(peer, one, pick);
  if (values.length === 0)
    return results.failure(peer, one) === undefined || !reads(peer, one.format) ? '' : 'failed';
  const note = results.failure(peer, one) === undefined ? '' : ', then failed';
  const spread = values.length > 1 ? ` (${short(Math.min(...values))} – ${short(Math.max(...values))})` : '';
  return short(median(values)) + spread + note;
}

/** Three digits that count. */
export function short(value) {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** The first line is the head. */
export function markdown(lines) {
  const widths = lines[0].map((_, c) => Math.max(3, ...lines.map((line) => line[c].length)));
  const text = (line) => `| ${line.map((value, c) => value.padEnd(widths[c])).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [text(lines[0]), rule, ...lines.slice(1).map(text)].join('\n');
}
