import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { int32, vectors, writeArrow } from '../helpers/arrow.js';

type At = (...names: string[]) => string;

/** A model whose device takes a while, for whatever is beside a job. */
export const simulated = {
  model: { runtime: 'simulated', options: { batchMicros: 1000, rowMicros: 20 } },
  inputs: { x: { shape: [1] } },
};

/** What a job file says of a job over rows of one number each, in files of fifty: as many splits. */
export function numbersJob(at: At, name: string, values: readonly number[], rest: object): object {
  mkdirSync(at('data'), { recursive: true });
  for (let first = 0; first < values.length; first += 50) {
    const some = values.slice(first, first + 50);
    const ids = some.map((_, i) => first + i);
    writeArrow(at('data', `${String(first).padStart(6, '0')}.arrow`), [
      [int32('id', ids), vectors('x', 1, some)],
    ]);
  }
  return {
    name,
    source: { uri: at('data') },
    inputs: { x: { column: 'x', shape: [1] } },
    sink: { uri: at('out'), keep: ['id'] },
    ...rest,
  };
}

/** What it has written, part by part. */
export const partsOf = (directory: string): Buffer[] =>
  readdirSync(directory)
    .filter((name) => name.startsWith('part-'))
    .sort()
    .map((name) => readFileSync(`${directory}/${name}`));
