import { reads } from './peers.mjs';

/**
 * What a peer is measured at. `copies`: how many times the data is read in a row: long enough for the fastest to settle;
 * the slow stop when their time is over.
 */
export function loaderCases({ formats, sizes }) {
  return formats.flatMap((format) =>
    sizes.map((size) => ({
      key: `${format} ${size}`,
      mode: 'loader',
      kind: 'vectors',
      format,
      size,
      copies: format === 'arrow' ? 48 : 24,
      // As long as a batch of this size takes a device that runs 320,000 rows a second.
      workSeconds: size / 320_000,
    })),
  );
}

/** The light model leaves loading something to do; the digits' is what a CPU spends its time with. */
export function endToEndCases({ formats, sizes, copies }) {
  const light = formats.flatMap((format) =>
    sizes.map((size) => ({ kind: 'vectors', format, size, threads: 1, copies: copies.light })),
  );
  const digits = [1, 2].map((threads) => ({
    kind: 'digits',
    format: 'arrow',
    size: sizes[0],
    threads,
    copies: copies.digits,
  }));
  const cases = [...light, ...(formats.includes('arrow') ? digits : [])];
  return cases.map((one) => ({ ...one, mode: 'end-to-end', key: keyOf(one) }));
}

function keyOf({ kind, format, size, threads }) {
  const model = kind === 'digits' ? 'digits' : 'light';
  return `${model}, ${format} ${size}, ${threads} thread${threads > 1 ? 's' : ''}`;
}

/** Sums of all columns, of one copy: does everybody read the same rows? */
export function checkCases({ formats, peers }) {
  return formats.flatMap((format) =>
    peers
      .filter((peer) => reads(peer, format))
      .map((peer) => ({
        peer,
        one: { key: `check ${format}`, mode: 'check', kind: 'vectors', format, size: 512, copies: 1 },
      })),
  );
}
