import * as arrow from 'apache-arrow';
import { Endianness } from 'apache-arrow/fb/endianness';
import { Message as FbMessage } from 'apache-arrow/fb/message';
import { MessageHeader } from 'apache-arrow/fb/message-header';
import { MetadataVersion } from 'apache-arrow/fb/metadata-version';
import { Schema as FbSchema } from 'apache-arrow/fb/schema';
import { Builder } from 'flatbuffers';
import { describe, expect, test } from 'vitest';
import { checkMessage } from '../../src/dataset/arrow-metadata.js';
import { DataError } from '../../src/util/errors.js';
import { schemaMessage } from './ipc.js';

const object = { uri: 'memory.arrow', size: 1, version: '1' };

/** A message with an empty schema, or with an empty table for one. */
function message({
  version = MetadataVersion.V5 as number,
  header = MessageHeader.Schema as number,
  endianness = Endianness.Little,
}): Uint8Array {
  const builder = new Builder();
  const fields = FbSchema.createFieldsVector(builder, []);
  FbSchema.startSchema(builder);
  FbSchema.addEndianness(builder, endianness);
  FbSchema.addFields(builder, fields);
  const schema = FbSchema.endSchema(builder);
  FbMessage.startMessage(builder);
  FbMessage.addVersion(builder, version);
  FbMessage.addHeaderType(builder, header);
  FbMessage.addHeader(builder, schema);
  builder.finish(FbMessage.endMessage(builder));
  return builder.asUint8Array();
}

const check = (bytes: Uint8Array) => () => checkMessage(object, bytes, 'message 3');

test('what is plain passes', () => {
  expect(check(message({}))).not.toThrow();
  expect(check(message({ version: MetadataVersion.V4 }))).not.toThrow();
});

describe('what is not read is refused by name', () => {
  test.each([
    ['big-endian', { endianness: Endianness.Big }, 'is big-endian, which is not supported'],
    ['a tensor', { header: MessageHeader.Tensor }, 'message 3 is a tensor, which is not supported'],
    ['a sparse tensor', { header: MessageHeader.SparseTensor }, 'message 3 is a sparse tensor'],
    ['metadata of before 2017', { version: MetadataVersion.V3 }, 'metadata of version 3; versions 4 and 5'],
    ['metadata of the future', { version: 5 }, 'metadata of version 6; versions 4 and 5'],
    ['a message of no known kind', { header: 9 }, 'message 3 is of no known kind (9)'],
  ])('%s', (_, options, text) => {
    expect(check(message(options))).toThrow(DataError);
    expect(check(message(options))).toThrow(text);
  });
});

test('a schema nested deeper than anybody can read is an error', () => {
  let type: arrow.DataType = new arrow.Int32();
  for (let depth = 0; depth < 300; depth++) type = new arrow.List(new arrow.Field('item', type, true));
  const bytes = schemaMessage(new arrow.Schema([new arrow.Field('deep', type, true)]));
  expect(() => checkMessage(object, bytes.subarray(8), 'message 0')).toThrow('nested deeper than 128 levels');
});
