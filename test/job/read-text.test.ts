import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadJob } from '../../src/job/load.js';
import { workspace } from '../helpers/workspace.js';
import { LEAST, thrownBy } from './job-files.js';

describe('a job file as editors and shells of Windows leave it', () => {
  const text = LEAST.replaceAll('\n', '\r\n').replace('a.arrow', 'Größe 数据.arrow');
  const utf16 = Buffer.from(`\ufeff${text}`, 'utf16le');

  test.each([
    ['lines that end in CR LF', Buffer.from(text)],
    ['a mark of UTF-8', Buffer.from(`\ufeff${text}`)],
    ['UTF-16, little-endian', utf16],
    ['UTF-16, big-endian', Buffer.from(utf16).swap16()],
  ])('with %s is read', async (_, content) => {
    const at = workspace();
    writeFileSync(at('job.yaml'), content);
    expect((await loadJob(at('job.yaml'))).source.uri).toBe(at('Größe 数据.arrow'));
  });

  test('in another encoding is refused, rather than read wrong', async () => {
    const at = workspace();
    writeFileSync(at('job.yaml'), Buffer.from(LEAST.replace('a.arrow', 'Größe'), 'latin1'));
    const { message } = await thrownBy(() => loadJob(at('job.yaml')));
    expect(message).toBe(`${at('job.yaml')}: is no text in UTF-8, expected a job file`);
  });

  test('faults are on the lines where editors have them', async () => {
    const at = workspace();
    writeFileSync(at('job.yaml'), `\ufeff${text}bach: { size: 1 }\r\n`);
    expect((await thrownBy(() => loadJob(at('job.yaml')))).message).toMatch(/job\.yaml:4: bach is not a key/);
  });
});

describe('a file that is no job file at all', () => {
  test.each([
    ['PAR1\x15\x04\x15', 'is a Parquet file'],
    ['\x08\x08\x12\x07pytorch', 'is an ONNX model'],
    ['<!DOCTYPE html>', 'is an HTML page'],
    ['version https://git-lfs.github.com/spec/v1\n', 'is a Git LFS pointer, not the file itself'],
    ['name: a\0b', 'is no text in UTF-8'],
  ])('%j %s', async (content, what) => {
    const at = workspace();
    writeFileSync(at('job.yaml'), content, 'latin1');
    const { message } = await thrownBy(() => loadJob(at('job.yaml')));
    expect(message).toBe(`${at('job.yaml')}: ${what}, expected a job file`);
  });

  test('is not read whole where it is large', async () => {
    const at = workspace();
    writeFileSync(at('data.csv'), 'id,label\n1,2\n');
    // More than a string can hold.
    truncateSync(at('data.csv'), 2 ** 40);
    const { message } = await thrownBy(() => loadJob(at('data.csv')));
    expect(message).toBe(`${at('data.csv')}: has 1.1 TB, and a job file is a page or two of text`);
  });

  test('is empty: what the least is that a job names is told', async () => {
    const at = workspace();
    writeFileSync(at('job.yaml'), '');
    const error = await thrownBy(() => loadJob(at('job.yaml')));
    expect(error.message).toBe(`${at('job.yaml')}: is empty`);
    expect(error.hint).toContain('source.uri, model.uri and sink.uri');
  });
});

describe('a file that is not there, or a folder', () => {
  const hintOf = async (file: string): Promise<string | undefined> =>
    (await thrownBy(() => loadJob(file))).hint;

  test.each(['jbo.yaml', 'job.yml', 'job', 'job.json'])(
    '%s: the file that was meant is named',
    async (name) => {
      const at = workspace();
      for (const other of ['job.yaml', 'notes.txt', 'serve.yaml']) writeFileSync(at(other), '');
      expect(await hintOf(at(name))).toBe(`Did you mean ${at('job.yaml')}?`);
    },
  );

  test('nothing is named that is not near', async () => {
    const at = workspace();
    writeFileSync(at('serve.yaml'), '');
    expect(await hintOf(at('job.yaml'))).toBeUndefined();
    expect(await hintOf(at('absent', 'job.yaml'))).toBeUndefined();
  });

  test('a folder: the files in it that could be meant', async () => {
    const at = workspace();
    mkdirSync(at('jobs'));
    expect(await hintOf(at('jobs'))).toBeUndefined();
    writeFileSync(at('jobs', 'b.yaml'), '');
    expect(await hintOf(at('jobs'))).toBe(`Did you mean ${at('jobs', 'b.yaml')}?`);
    writeFileSync(at('jobs', 'a.yml'), '');
    expect(await hintOf(at('jobs'))).toBe(`Name a file in it, for instance ${at('jobs', 'a.yml')}.`);
  });
});
