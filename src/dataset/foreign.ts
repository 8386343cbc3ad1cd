import { extname } from 'node:path';
import type { ObjectReader } from '../storage/types.js';
import { isRemote } from '../storage/uri.js';
import { DataError } from '../util/errors.js';
import { type FileKind, KIND_BYTES, kindOfFile } from '../util/file-kind.js';

/** What to do where the format is named, and the file is of another one. */
export const LEAVE_OUT = 'Leave source.format out, or name the format that the file is of.';

/** How DuckDB reads what people have instead. */
const READS: Readonly<Partial<Record<FileKind['id'], string>>> = { csv: 'read_csv', json: 'read_json' };

/**
 * The error for a file that is of no format, or of another one than was expected: it says what the file is instead.
 *
 * @param expected `a Parquet file`
 * @param hint what to do where the file itself does not tell
 */
export async function foreignFile(reader: ObjectReader, expected: string, hint?: string): Promise<DataError> {
  const { uri, size } = reader.object;
  if (size === 0) {
    return new DataError(`${uri}: the file is empty; expected ${expected}`, {
      file: uri,
      hint: 'Check how it was written or copied.',
    });
  }
  const head = new Uint8Array(Math.min(size, KIND_BYTES));
  await reader.read(0, head);
  const kind = kindOfFile(head);
  const what = kind === undefined ? `begins with ${shown(head.subarray(0, 8))}` : `is ${kind.is}`;
  const todo = kind?.hint ?? conversion(kind, uri) ?? hint;
  return new DataError(`${uri}: ${what}; expected ${expected}`, {
    file: uri,
    ...(todo !== undefined && { hint: todo }),
  });
}

function conversion(kind: FileKind | undefined, uri: string): string | undefined {
  const reads = kind && READS[kind.id];
  if (reads === undefined) return undefined;
  if (isRemote(uri) || uri.includes("'")) return 'Convert it to Parquet, for instance with DuckDB.';
  const extension = extname(uri);
  const stem = uri.slice(0, uri.length - extension.length);
  const to = `${stem}${extension === '.parquet' ? '-converted' : ''}.parquet`;
  return `Convert it to Parquet, for instance with DuckDB:\n  duckdb -c "COPY (FROM ${reads}('${uri}')) TO '${to}'"`;
}

/** The first bytes, for a message. */
function shown(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('latin1');
  return JSON.stringify(text.replace(/[^\x20-\x7e]/g, '.'));
}
