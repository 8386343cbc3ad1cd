import pc from 'picocolors';
import { expect, test } from 'vitest';
import { errorDocument, errorText } from '../../src/cli/fail.js';
import { DataError, InternalError, InterruptedError, UsageError } from '../../src/util/errors.js';

const plain = pc.createColors(false);

test('a mistake of a user is a sentence and a hint, without a stack', () => {
  const error = new UsageError('job.yaml:3: batch.size: expected a number', { hint: 'Write 64.' });
  expect(errorText(error, plain)).toBe('penstock: job.yaml:3: batch.size: expected a number\n  Write 64.');
});

test('several mistakes stand in one column', () => {
  expect(errorText(new UsageError('a:1: one\na:2: two'), plain)).toBe(
    'penstock: a:1: one\n          a:2: two',
  );
});

test('on a terminal errors are red, interruptions yellow', () => {
  const colors = pc.createColors(true);
  expect(errorText(new DataError('x'), colors)).toBe('\x1b[31mpenstock:\x1b[39m x');
  expect(errorText(new InterruptedError('x'), colors)).toBe('\x1b[33mpenstock:\x1b[39m x');
});

test.each([
  ['an InternalError', InternalError],
  ['any other error', Error],
])('%s is shown with causes and stack', (_, Class) => {
  const text = errorText(new Class('no slot 3', { cause: new Error('deeper', { cause: 'deepest' }) }), plain);
  expect(text).toMatch(
    /^penstock: internal error: no slot 3\n {2}caused by: deeper\n {2}caused by: deepest\n {4}at /,
  );
  expect(text).toMatch(/please report it/);
});

test('what is thrown without being an error is shown too', () => {
  expect(errorText('a string', plain)).toMatch(/^penstock: internal error: a string\n/);
});

test('for programs every field is there', () => {
  const error = new DataError('x', { file: 'a.arrow', row: 0, column: 'pixels', hint: 'Mend it.' });
  expect(errorDocument(error, 'digits')).toEqual({
    job: 'digits',
    status: 'failed',
    error: {
      code: 'DATA',
      message: 'x',
      hint: 'Mend it.',
      file: 'a.arrow',
      line: null,
      key: null,
      row: 0,
      column: 'pixels',
    },
  });
  expect(errorDocument(new TypeError('x'), undefined)).toMatchObject({
    job: null,
    error: { code: 'INTERNAL' },
  });
});
