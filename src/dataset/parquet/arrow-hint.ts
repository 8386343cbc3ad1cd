import { Field as FbField } from 'apache-arrow/fb/field';
import { FixedSizeList as FbFixedSizeList } from 'apache-arrow/fb/fixed-size-list';
import { Message as FbMessage } from 'apache-arrow/fb/message';
import { Schema as FbSchema } from 'apache-arrow/fb/schema';
import { Type as FbType } from 'apache-arrow/fb/type';
import { ByteBuffer } from 'flatbuffers';

/** What a column was in Arrow, as far as Parquet does not say it. */
export interface ArrowHint {
  /** Elements a list, where all lists have as many. */
  readonly listSize: number | undefined;
  /** Of the elements. */
  readonly element: ArrowHint | undefined;
}

/** The marker of a message, and its length. */
const PREFIX_BYTES = 8;
/** Of a vector of tables, at the least, for each element. */
const OFFSET_BYTES = 4;

/**
 * Hints by column out of the schema that an Arrow library wrote into the file's metadata. Only looked at as far as it is
 * needed, rather than decoded: it may be damaged, and claim any number of fields.
 */
export function arrowHints(keyValues: ReadonlyMap<string, string>): ReadonlyMap<string, ArrowHint> {
  const hints = new Map<string, ArrowHint>();
  const encoded = keyValues.get('ARROW:schema');
  if (encoded === undefined) return hints;
  try {
    const bytes = new Uint8Array(Buffer.from(encoded, 'base64')).subarray(PREFIX_BYTES);
    const message = FbMessage.getRootAsMessage(new ByteBuffer(bytes));
    const schema = message.header(new FbSchema()) as FbSchema | null;
    const count = Math.min(schema?.fieldsLength() ?? 0, bytes.length / OFFSET_BYTES);
    for (let i = 0; i < count; i++) {
      const field = schema?.fields(i);
      const name = field?.name();
      if (field && name) hints.set(name, hintOf(field, 0));
    }
  } catch {
    // No more than hints: the file can be read without.
  }
  return hints;
}

const MAX_DEPTH = 8;

function hintOf(field: FbField, depth: number): ArrowHint {
  const type = field.typeType();
  const isList = type === FbType.List || type === FbType.LargeList || type === FbType.FixedSizeList;
  const child = isList && depth < MAX_DEPTH ? field.children(0, new FbField()) : null;
  const fixed = type === FbType.FixedSizeList ? (field.type(new FbFixedSizeList()) as FbFixedSizeList) : null;
  return {
    listSize: fixed?.listSize(),
    element: child === null ? undefined : hintOf(child, depth + 1),
  };
}
