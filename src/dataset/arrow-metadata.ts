import type { Field as FbField } from 'apache-arrow/fb/field';
import { Footer as FbFooter } from 'apache-arrow/fb/footer';
import { Message as FbMessage } from 'apache-arrow/fb/message';
import { MessageHeader } from 'apache-arrow/fb/message-header';
import { Schema as FbSchema } from 'apache-arrow/fb/schema';
import { Type } from 'apache-arrow/fb/type';
import { ByteBuffer } from 'flatbuffers';
import type { StoredObject } from '../storage/types.js';
import { corrupt, unsupported } from './arrow-errors.js';
import { checkFlatbuffer, type Shape } from './flatbuffer.js';

/*
 * The tables of Arrow's metadata, as far as they hold anything but scalars or are read without a look at their vtable.
 * Source: Schema.fbs, Message.fbs and File.fbs of the Arrow format.
 */
const KEY_VALUE: Shape = { 0: { text: true }, 1: { text: true } };
const INT: Shape = { 0: { scalar: 4 }, 1: { scalar: 1 } };
const UNION: Shape = { 0: { scalar: 2 }, 1: { vector: 4 } };
const TIMESTAMP: Shape = { 0: { scalar: 2 }, 1: { text: true } };
const DECIMAL: Shape = { 0: { scalar: 4 }, 1: { scalar: 4 }, 2: { scalar: 4 } };
const TIME: Shape = { 0: { scalar: 2 }, 1: { scalar: 4 } };
const UNIT: Shape = { 0: { scalar: 2 } };
const SIZED: Shape = { 0: { scalar: 4 } };
const TYPES: Readonly<Record<number, Shape>> = {
  [Type.Int]: INT,
  [Type.FloatingPoint]: UNIT,
  [Type.Decimal]: DECIMAL,
  [Type.Date]: UNIT,
  [Type.Time]: TIME,
  [Type.Timestamp]: TIMESTAMP,
  [Type.Interval]: UNIT,
  [Type.Duration]: UNIT,
  [Type.Union]: UNION,
  [Type.FixedSizeBinary]: SIZED,
  [Type.FixedSizeList]: SIZED,
};
const DICTIONARY_ENCODING: Shape = { 0: { scalar: 8 }, 1: { table: INT }, 2: { scalar: 1 } };
const FIELD: { [slot: number]: Shape[number] } = {
  0: { text: true },
  1: { scalar: 1 },
  2: { scalar: 1 },
  3: { union: TYPES, type: 2 },
  4: { table: DICTIONARY_ENCODING },
  6: { tables: KEY_VALUE },
};
FIELD[5] = { tables: FIELD };
const SCHEMA: Shape = {
  0: { scalar: 2 },
  1: { tables: FIELD },
  2: { tables: KEY_VALUE },
  3: { vector: 8 },
};
const RECORD_BATCH: Shape = {
  0: { scalar: 8 },
  1: { vector: 16 },
  2: { vector: 16 },
  3: { table: { 0: { scalar: 1 }, 1: { scalar: 1 } } },
  4: { vector: 8 },
};
const DICTIONARY_BATCH: Shape = { 0: { scalar: 8 }, 1: { table: RECORD_BATCH }, 2: { scalar: 1 } };
const HEADERS: Readonly<Record<number, Shape>> = {
  [MessageHeader.Schema]: SCHEMA,
  [MessageHeader.DictionaryBatch]: DICTIONARY_BATCH,
  [MessageHeader.RecordBatch]: RECORD_BATCH,
};
const MESSAGE: Shape = {
  0: { scalar: 2 },
  1: { scalar: 1 },
  2: { union: HEADERS, type: 1 },
  3: { scalar: 8 },
  4: { tables: KEY_VALUE },
};
const FOOTER: Shape = {
  0: { scalar: 2 },
  1: { table: SCHEMA },
  2: { vector: 24 },
  3: { vector: 24 },
  4: { tables: KEY_VALUE },
};

/** Metadata version 4 is Arrow 0.8 of 2017; files of before it hold other structs. */
const OLDEST_VERSION = 3;
const NEWEST_VERSION = 4;

/** Checks a message's flatbuffer; what it carries of a kind that is not read is refused by name. */
export function checkMessage(object: StoredObject, bytes: Uint8Array, what: string): void {
  checkFlatbuffer(bytes, MESSAGE);
  const message = FbMessage.getRootAsMessage(new ByteBuffer(bytes));
  checkVersion(object, message.version());
  switch (message.headerType()) {
    case MessageHeader.Schema:
      checkSchema(object, message.header(new FbSchema()) as FbSchema | null);
      return;
    case MessageHeader.DictionaryBatch:
    case MessageHeader.RecordBatch:
      if (message.header(new FbSchema()) === null) throw new TypeError('it has no header');
      return;
    case MessageHeader.Tensor:
    case MessageHeader.SparseTensor: {
      const kind = message.headerType() === MessageHeader.Tensor ? 'a tensor' : 'a sparse tensor';
      throw unsupported(
        object,
        `${what} is ${kind}, which is not supported`,
        'Write its data as record batches.',
      );
    }
    default:
      throw corrupt(object, `${what} is of no known kind (${message.headerType()})`);
  }
}

export function checkFooter(object: StoredObject, bytes: Uint8Array): void {
  checkFlatbuffer(bytes, FOOTER);
  const footer = FbFooter.getRootAsFooter(new ByteBuffer(bytes));
  checkVersion(object, footer.version());
  checkSchema(object, footer.schema());
}

function checkVersion(object: StoredObject, version: number): void {
  if (version >= OLDEST_VERSION && version <= NEWEST_VERSION) return;
  throw unsupported(
    object,
    `has Arrow metadata of version ${version + 1}; versions 4 and 5 are supported`,
    'Write it again with Arrow 1.0 or later.',
  );
}

function checkSchema(object: StoredObject, schema: FbSchema | null): void {
  if (schema === null) throw new TypeError('it has no schema');
  if (schema.endianness() !== 0) {
    throw unsupported(
      object,
      'is big-endian, which is not supported',
      'Write it again on a little-endian machine, or with its numbers swapped.',
    );
  }
  for (let i = 0; i < schema.fieldsLength(); i++) {
    const field = schema.fields(i) as FbField;
    checkField(object, field, field.name() ?? '');
  }
}

/** How many children a type has, where it matters for decoding it. */
const CHILDREN: Readonly<Record<number, number>> = {
  [Type.List]: 1,
  [Type.LargeList]: 1,
  [Type.FixedSizeList]: 1,
  [Type.Map]: 1,
};
const REFUSED: Readonly<Record<number, string>> = {
  [Type.RunEndEncoded]: 'run-end encoded',
  [Type.ListView]: 'a list view',
  [Type.LargeListView]: 'a large list view',
};

function checkField(object: StoredObject, field: FbField, column: string): void {
  const type = field.typeType();
  const children = field.childrenLength();
  const name = JSON.stringify(column);
  if (type in REFUSED || type === Type.NONE || Type[type] === undefined) {
    const kind = REFUSED[type] ?? `of an unknown type (${type})`;
    const hint = 'Write it as one of the plain types.';
    throw unsupported(object, `column ${name} is ${kind}, which is not supported`, hint, column);
  }
  if (type in CHILDREN && children !== CHILDREN[type]) {
    throw new TypeError(`column ${name} is a ${Type[type]} with ${children} children`);
  }
  if (type === Type.Map && field.children(0)?.childrenLength() !== 2) {
    throw new TypeError(`column ${name} is a map whose entries are not pairs`);
  }
  for (let i = 0; i < children; i++) checkField(object, field.children(i) as FbField, column);
}
