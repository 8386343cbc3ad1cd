import { open } from 'node:fs/promises';

/** What a file is that somebody takes for something else, by how it begins. */
export interface FileKind {
  readonly id:
    | 'lfs'
    | 'html'
    | 'xml'
    | 'parquet'
    | 'arrow'
    | 'arrow-stream'
    | 'compressed'
    | 'zip'
    | 'hdf5'
    | 'pickle'
    | 'safetensors'
    | 'tflite'
    | 'onnx'
    | 'other'
    | 'json'
    | 'csv';
  /** Follows «is» in a sentence: `a Git LFS pointer, not the file itself`. */
  readonly is: string;
  /** What to do about it, whatever was expected. */
  readonly hint?: string;
}

/** What of a file tells its kind. */
export const KIND_BYTES = 512;

const FAILED_DOWNLOAD = 'A download that failed leaves such a file: read what it says, and fetch the right one again.';
const UNPACK = 'Unpack it first.';

/** The first that matches holds; bytes are characters of latin1. */
const KINDS: readonly (readonly [RegExp, FileKind])[] = [
  [
    /^version https:\/\/git-lfs\.github\.com\/spec/,
    {
      id: 'lfs',
      is: 'a Git LFS pointer, not the file itself',
      hint: 'Fetch the files that such pointers stand for: git lfs pull',
    },
  ],
  [/^\s*(?:<!doctype html|<html|<head|<body)/i, { id: 'html', is: 'an HTML page', hint: FAILED_DOWNLOAD }],
  [/^\s*(?:<\?xml|<Error>)/, { id: 'xml', is: 'an XML document', hint: FAILED_DOWNLOAD }],
  [/^PAR[1E]/, { id: 'parquet', is: 'a Parquet file' }],
  [/^ARROW1/, { id: 'arrow', is: 'an Arrow IPC file' }],
  [/^\xff{4}/, { id: 'arrow-stream', is: 'an Arrow stream' }],
  [/^\x1f\x8b/, { id: 'compressed', is: 'compressed with gzip', hint: UNPACK }],
  [/^\x28\xb5\x2f\xfd/, { id: 'compressed', is: 'compressed with Zstandard', hint: UNPACK }],
  [/^BZh[1-9]/, { id: 'compressed', is: 'compressed with bzip2', hint: UNPACK }],
  [/^\xfd7zXZ/, { id: 'compressed', is: 'compressed with xz', hint: UNPACK }],
  [/^.{257}ustar/s, { id: 'compressed', is: 'a tar archive', hint: UNPACK }],
  [/^PK\x03\x04/, { id: 'zip', is: 'a ZIP archive' }],
  [/^\x89HDF\r\n/, { id: 'hdf5', is: 'an HDF5 file' }],
  [/^\x80[\x02-\x05]/, { id: 'pickle', is: 'a Python pickle' }],
  [/^.{3}\0{5}\{"/s, { id: 'safetensors', is: 'a safetensors file' }],
  [/^.{4}TFL3/s, { id: 'tflite', is: 'a TensorFlow Lite model' }],
  [/^\x08[\x01-\x20][\x12\x1a\x3a\x42]/, { id: 'onnx', is: 'an ONNX model' }],
  [/^\x93NUMPY/, { id: 'other', is: 'a NumPy array' }],
  [/^ORC/, { id: 'other', is: 'an ORC file' }],
  [/^Obj\x01/, { id: 'other', is: 'an Avro file' }],
  [/^SQLite format 3/, { id: 'other', is: 'an SQLite database' }],
  [/^GGUF/, { id: 'other', is: 'a GGUF model' }],
  [/^\x89PNG/, { id: 'other', is: 'a PNG image' }],
  [/^\xff\xd8\xff/, { id: 'other', is: 'a JPEG image' }],
  [/^%PDF/, { id: 'other', is: 'a PDF document' }],
  [/^\s*(?:\{\s*["}]|\[\s*["{[\]\d-])/, { id: 'json', is: 'JSON' }],
];

/** The kind of a file that begins with these bytes, at least `KIND_BYTES` of them or all; undefined where none is known. */
export function kindOfFile(head: Uint8Array): FileKind | undefined {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, KIND_BYTES)).toString('latin1');
  const [, known] = KINDS.find(([pattern]) => pattern.test(text.replace(/^\xef\xbb\xbf/, ''))) ?? [];
  return known ?? (looksLikeCsv(text) ? { id: 'csv', is: 'a CSV file' } : undefined);
}

/** The same of a file on this machine; undefined also where it can't be read. */
export async function kindOfFileAt(path: string): Promise<FileKind | undefined> {
  try {
    await using file = await open(path);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(KIND_BYTES), 0, KIND_BYTES, 0);
    return kindOfFile(buffer.subarray(0, bytesRead));
  } catch {
    return undefined;
  }
}

/** Lines of text that are cut into equally many fields. */
function looksLikeCsv(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what no text has in it
  if (/[\0-\x08\x0e-\x1f]/.test(text)) return false;
  const [head = '', ...rows] = text.split(/\r?\n/);
  // The last one may be cut.
  const whole = rows.slice(0, -1).filter((row) => row !== '');
  return [',', ';', '\t'].some((separator) => {
    const fields = head.split(separator).length;
    // A row of many columns is longer than what is looked at.
    return (whole.length > 0 ? fields > 1 : fields > 4) && whole.every((row) => row.includes('"') || row.split(separator).length === fields);
  });
}
