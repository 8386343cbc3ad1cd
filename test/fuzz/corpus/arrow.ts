import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { RecordBatchStreamWriter, tableFromIPC } from 'apache-arrow';
import { everyType, fileOf } from '../../dataset/columns.js';
import { random } from '../../helpers/random.js';
import type { Corpus, Sample } from './types.js';

const folder = fileURLToPath(new URL('../../dataset/fixtures/pyarrow/', import.meta.url));

/** Files and streams that pyarrow wrote: of every type, compressed or not, of old versions, with dictionaries that change. */
function written(): Sample[] {
  return readdirSync(folder)
    .filter((name) => /\.arrows?$/.test(name))
    .map((name) => ({ name, bytes: readFileSync(`${folder}${name}`) }));
}

/** Some columns at a time, so that a change is likely to hit something that matters. */
const COLUMNS_EACH = 4;

function built(): Sample[] {
  const columns = everyType(8, random(7));
  const samples: Sample[] = [];
  for (let i = 0; i < columns.length; i += COLUMNS_EACH) {
    const some = columns.slice(i, i + COLUMNS_EACH);
    const name = some.map((column) => column.name).join('+');
    const file = fileOf(some, [5, 0, 3]);
    const stream = new RecordBatchStreamWriter();
    const table = tableFromIPC(file);
    stream.reset(undefined, table.schema);
    for (const batch of table.batches) stream.write(batch);
    samples.push({ name: `${name}.arrow`, bytes: file });
    samples.push({ name: `${name}.arrows`, bytes: stream.finish().toUint8Array(true) });
  }
  return samples;
}

export const arrowCorpus: Corpus = {
  name: 'arrow',
  samples: () => [...written(), ...built()],
};
