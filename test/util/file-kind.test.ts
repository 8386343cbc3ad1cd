import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { kindOfFile, kindOfFileAt } from '../../src/util/file-kind.js';
import { repository } from '../cli/penstock.js';
import { workspace } from '../helpers/workspace.js';

const kindOf = (latin1: string): string | undefined => kindOfFile(Buffer.from(latin1, 'latin1'))?.is;

describe('the kind of a file', () => {
  test.each([
    ['version https://git-lfs.github.com/spec/v1\noid sha256:00\n', 'a Git LFS pointer, not the file itself'],
    ['\n<!DOCTYPE html><html>', 'an HTML page'],
    ['<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', 'an XML document'],
    ['PAR1\x15\x04', 'a Parquet file'],
    ['ARROW1\0\0', 'an Arrow IPC file'],
    ['\xff\xff\xff\xff\x10\0\0\0', 'an Arrow stream'],
    ['\x1f\x8b\x08\0', 'compressed with gzip'],
    ['(\xb5/\xfd\x04', 'compressed with Zstandard'],
    ['PK\x03\x04\x14\0', 'a ZIP archive'],
    ['\x89HDF\r\n\x1a\n', 'an HDF5 file'],
    ['\x80\x04\x95', 'a Python pickle'],
    ['\x40\0\0\0\0\0\0\0{"a":', 'a safetensors file'],
    ['\x1c\0\0\0TFL3', 'a TensorFlow Lite model'],
    ['{ "a": 1 }', 'JSON'],
    ['[\n  {', 'JSON'],
    ['id,label\n1,2\n3,4\n', 'a CSV file'],
    ['\xef\xbb\xbfid;label\r\n1;2\r\n3', 'a CSV file'],
    ['id\tlabel\n1\t"a\tb"\n', 'a CSV file'],
  ])('%j is %s', (head, is) => {
    expect(kindOf(head)).toBe(is);
  });

  test.each([
    '',
    'hello',
    'one, or two\nlines of text\n',
    'id,label\n1,2,3\n',
    'source: { uri: a.arrow }\nbatch: { size: 1, order: fixed }\n',
    '\0,\0\n\0,\0\n',
  ])('of %j is not known', (head) => {
    expect(kindOf(head)).toBeUndefined();
  });

  test('of a file on this machine is told by its beginning, and of none at all not', async () => {
    const at = workspace();
    writeFileSync(at('a'), `<html>${'x'.repeat(100_000)}`);
    expect((await kindOfFileAt(at('a')))?.id).toBe('html');
    expect((await kindOfFileAt(`${repository}native-models/digits/digits.onnx`))?.id).toBe('onnx');
    expect(await kindOfFileAt(at('absent'))).toBeUndefined();
  });
});
