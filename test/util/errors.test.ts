import { describe, expect, test } from 'vitest';
import {
  asPenstockError,
  DataError,
  DeviceError,
  type ErrorDetails,
  fromRecord,
  InternalError,
  InterruptedError,
  InUseError,
  messageOf,
  type PenstockError,
  StorageError,
  toRecord,
  UsageError,
} from '../../src/util/errors.js';

type Constructor = new (message: string, details?: ErrorDetails) => PenstockError;

const CLASSES: [name: string, Class: Constructor, exitCode: number][] = [
  ['UsageError', UsageError, 2],
  ['InUseError', InUseError, 2],
  ['DataError', DataError, 1],
  ['StorageError', StorageError, 1],
  ['DeviceError', DeviceError, 1],
  ['InterruptedError', InterruptedError, 130],
  ['InternalError', InternalError, 1],
];

/** As between two threads. */
function send(error: unknown): PenstockError {
  return fromRecord(structuredClone(toRecord(error)));
}

describe.each(CLASSES)('%s', (name, Class, exitCode) => {
  test(`ends the command line with ${exitCode}`, () => {
    expect(new Class('no').exitCode).toBe(exitCode);
  });

  test('arrives in another thread as what it was', () => {
    const place = { file: 'job.yaml', line: 3, key: 'batch.size', column: 'pixels', row: 7 };
    const error = new Class('the batch is empty', { ...place, hint: 'Set batch.size.' });
    const arrived = send(error);
    expect(arrived).toBeInstanceOf(Class);
    expect(arrived).toMatchObject({
      name,
      code: error.code,
      exitCode,
      message: 'the batch is empty',
      place,
      hint: 'Set batch.size.',
      stack: error.stack,
    });
  });

  test('has no hint and an empty place unless given', () => {
    const arrived = send(new Class('no'));
    expect(arrived.hint).toBeUndefined();
    expect(arrived.place).toEqual({});
  });
});

describe('what is not ours', () => {
  test('arrives as an internal error with its own stack', () => {
    const error = new TypeError('x is not a function');
    const arrived = send(error);
    expect(arrived).toBeInstanceOf(InternalError);
    expect(arrived).toMatchObject({ message: 'x is not a function', stack: error.stack });
  });

  test('may be anything that can be thrown', () => {
    expect(send('a string').message).toBe('a string');
    expect(send(undefined).message).toBe('undefined');
  });

  test('arrives as an internal error when its code is of another version', () => {
    expect(fromRecord({ ...toRecord(new DataError('no')), code: 'NEW' })).toBeInstanceOf(InternalError);
  });
});

describe('explain', () => {
  test('is the sentence alone without a hint', () => {
    expect(new DataError('row 3 has no pixels').explain()).toBe('row 3 has no pixels');
  });

  test('puts the hint on a line of its own', () => {
    expect(new DataError('row 3 has no pixels', { hint: 'Set errors.maxRows.' }).explain()).toBe(
      'row 3 has no pixels\n  Set errors.maxRows.',
    );
  });
});

test('the cause is kept, and there is none unless given', () => {
  const cause = new Error('ENOENT');
  expect(new StorageError('no such file', { cause }).cause).toBe(cause);
  expect('cause' in new StorageError('no such file')).toBe(false);
});

test('an error of ours is not wrapped again', () => {
  const known = new DataError('no');
  const wrap = (cause: unknown) => new StorageError(messageOf(cause), { cause });
  expect(asPenstockError(known, wrap)).toBe(known);
  expect(asPenstockError('EIO', wrap)).toMatchObject({ code: 'STORAGE', message: 'EIO', cause: 'EIO' });
});
