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

const FAILED_DOWNLOAD =
  'A download that failed leaves such a file: read what it says, and fetch the right one again.';
const UNPACK = 'Unpack it first.';

/** Whether a text begins so; bytes are characters of latin1. */
type Test = (text: string) => boolean;

const begins =
  (...beginnings: readonly string[]): Test =>
  (text) =>
    beginnings.some((beginning) => text.startsWith(beginning));
const has =
  (offset: number, mark: string): Test =>
  (text) =>
    text.startsWith(mark, offset);
const like =
  (pattern: RegExp): Test =>
  (text) =>
    pattern.test(text);
/** Of a message of ONNX: the version of its format, and a field that follows that. */
const beginsOnnx: Test = (text) =>
  text.startsWith('\x08') && text.charCodeAt(1) <= 32 && '\x12\x1a\x3a\x42'.includes(text.charAt(2));
/** The mark of a message of Arrow, and its length, which is no gigabytes. */
const beginsStream: Test = (text) => text.startsWith('\xff\xff\xff\xff') && text.charAt(7) === '\0';

/** The first that holds tells. */
const KINDS: readonly (readonly [Test, FileKind])[] = [
  [
    begins('version https://git-lfs.github.com/spec'),
    {
      id: 'lfs',
      is: 'a Git LFS pointer, not the file itself',
      hint: 'Fetch the files that such pointers stand for: git lfs pull',
    },
  ],
  [
    like(/^\s*(?:<!doctype html|<html|<head|<body)/i),
    { id: 'html', is: 'an HTML page', hint: FAILED_DOWNLOAD },
  ],
  [like(/^\s*(?:<\?xml|<Error>)/), { id: 'xml', is: 'an XML document', hint: FAILED_DOWNLOAD }],
  [begins('PAR1', 'PARE'), { id: 'parquet', is: 'a Parquet file' }],
  [begins('ARROW1'), { id: 'arrow', is: 'an Arrow IPC file' }],
  [beginsStream, { id: 'arrow-stream', is: 'an Arrow stream' }],
  [begins('\x1f\x8b'), { id: 'compressed', is: 'compressed with gzip', hint: UNPACK }],
  [begins('(\xb5/\xfd'), { id: 'compressed', is: 'compressed with Zstandard', hint: UNPACK }],
  [begins('BZh'), { id: 'compressed', is: 'compressed with bzip2', hint: UNPACK }],
  [begins('\xfd7zXZ'), { id: 'compressed', is: 'compressed with xz', hint: UNPACK }],
  [has(257, 'ustar'), { id: 'compressed', is: 'a tar archive', hint: UNPACK }],
  [begins('PK\x03\x04'), { id: 'zip', is: 'a ZIP archive' }],
  [begins('\x89HDF\r\n'), { id: 'hdf5', is: 'an HDF5 file' }],
  [begins('\x80\x02', '\x80\x03', '\x80\x04', '\x80\x05'), { id: 'pickle', is: 'a Python pickle' }],
  [has(3, '\0\0\0\0\0{"'), { id: 'safetensors', is: 'a safetensors file' }],
  [has(4, 'TFL3'), { id: 'tflite', is: 'a TensorFlow Lite model' }],
  [beginsOnnx, { id: 'onnx', is: 'an ONNX model' }],
  [begins('\x93NUMPY'), { id: 'other', is: 'a NumPy array' }],
  [begins('ORC'), { id: 'other', is: 'an ORC file' }],
  [begins('Obj\x01'), { id: 'other', is: 'an Avro file' }],
  [begins('SQLite format 3'), { id: 'other', is: 'an SQLite database' }],
  [begins('GGUF'), { id: 'other', is: 'a GGUF model' }],
  [begins('\x89PNG'), { id: 'other', is: 'a PNG image' }],
  [begins('\xff\xd8\xff'), { id: 'other', is: 'a JPEG image' }],
  [begins('%PDF'), { id: 'other', is: 'a PDF document' }],
  [like(/^\s*(?:\{\s*["}]|\[\s*["{[\]\d-])/), { id: 'json', is: 'JSON' }],
];

/** The kind of a file that begins with these bytes, at least `KIND_BYTES` of them or all; undefined where none is known. */
export function kindOfFile(head: Uint8Array): FileKind | undefined {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.byteLength, KIND_BYTES)).toString(
    'latin1',
  );
  const marked = text.replace(/^\xef\xbb\xbf/, '');
  const [, known] = KINDS.find(([test]) => test(marked)) ?? [];
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
    return (
      (whole.length > 0 ? fields > 1 : fields > 4) &&
      whole.every((row) => row.includes('"') || row.split(separator).length === fields)
    );
  });
}
