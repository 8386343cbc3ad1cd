import { median } from './stats.mjs';

/** A row with its median, its spread (least to most of the repeats) and, where it has a bar, whether the median holds it. */
export function describe({ bench, what, unit, values, bar }) {
  const middle = median(values);
  return {
    bench,
    what: what.trim(),
    unit,
    bar,
    median: middle,
    least: Math.min(...values),
    most: Math.max(...values),
    repeats: values.length,
    holds:
      bar &&
      middle >= (bar.least ?? Number.NEGATIVE_INFINITY) &&
      middle <= (bar.most ?? Number.POSITIVE_INFINITY),
  };
}

/** The table as text: it is a Markdown table too. */
export function formatTable({ cpu, cores, node, memcpy }, rows) {
  const lines = rows.map((row) => {
    const { median: middle, least, most, holds } = describe(row);
    return [
      row.what,
      barText(row),
      `${short(middle)} ${row.unit} (${short(least)} – ${short(most)})`,
      holds === undefined ? '' : holds ? 'holds' : 'FALLS SHORT',
    ];
  });
  const head = ['what', 'bar', 'median (least – most)', ''];
  const widths = head.map((title, c) => Math.max(title.length, ...lines.map((line) => line[c].length)));
  const text = (line) => `| ${line.map((cell, c) => cell.padEnd(widths[c])).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  return [
    `${cores} cores of ${cpu}, Node ${node.slice(1)}, memcpy ${memcpy.toFixed(1)} GB/s`,
    '',
    text(head),
    rule,
    ...lines.map(text),
  ].join('\n');
}

function barText({ bar, unit }) {
  if (bar === undefined) return '';
  if (bar.least !== undefined && bar.most !== undefined)
    return `${short(bar.least)} – ${short(bar.most)} ${unit}`;
  return bar.least === undefined ? `≤ ${short(bar.most)} ${unit}` : `≥ ${short(bar.least)} ${unit}`;
}

/** Three digits that count; from 10,000 on in thousands, millions or milliards. */
function short(value) {
  if (value < 0) return `−${short(-value)}`;
  if (value >= 1e9) return `${(value / 1e9).toPrecision(3)} G`;
  if (value >= 1e6) return `${(value / 1e6).toPrecision(3)} M`;
  if (value >= 1e4) return `${(value / 1e3).toPrecision(3)} k`;
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
