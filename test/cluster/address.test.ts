import { describe, expect, test } from 'vitest';
import { queueAddress, queueName } from '../../src/cluster/address.js';
import { UsageError } from '../../src/util/errors.js';

describe('the address of a queue', () => {
  test('is read from a URL, with defaults for what it leaves out', () => {
    expect(queueAddress('redis://example.com', {})).toEqual({
      host: 'example.com',
      port: 6379,
      database: 0,
      tls: false,
      username: undefined,
      password: undefined,
      shown: 'redis://example.com:6379',
    });
    expect(queueAddress('rediss://me:p%40ss@[::1]:6380/3', {})).toEqual({
      host: '::1',
      port: 6380,
      database: 3,
      tls: true,
      username: 'me',
      password: 'p@ss',
      shown: 'rediss://[::1]:6380/3',
    });
  });

  test('comes from the environment where none is given, as do user and password', () => {
    const env = {
      PENSTOCK_QUEUE: 'redis://from.env',
      PENSTOCK_QUEUE_USERNAME: 'worker',
      PENSTOCK_QUEUE_PASSWORD: 'secret',
    };
    expect(queueAddress(undefined, env)).toMatchObject({
      host: 'from.env',
      username: 'worker',
      password: 'secret',
    });
    expect(queueAddress('redis://:own@here', env)).toMatchObject({ host: 'here', password: 'own' });
  });

  test.each([
    ['nothing', undefined, 'no queue is named'],
    ['an empty text', '', 'no queue is named'],
    ['a bare host', 'example.com:6379', 'is not a redis: or rediss: URL'],
    ['no URL', 'hunter2', 'is not a URL'],
    ['another protocol', 'http://:hunter2@host', 'is not a redis: or rediss: URL'],
    ['settings', 'redis://:hunter2@host?family=6', '? or #'],
    ['a path', 'redis://:hunter2@host/queue', 'number of a database'],
    ['a password that is not one of a URL', 'redis://:hunter2%zz@host', '% signs'],
  ])('is refused where it is %s, without repeating what may be a password', (_, text, message) => {
    const read = (): unknown => queueAddress(text, {});
    expect(read).toThrow(UsageError);
    expect(read).toThrow(message);
    expect(read).not.toThrow('hunter2');
  });
});

describe('the name of a queue', () => {
  test('is penstock by default', () => {
    expect(queueName()).toBe('penstock');
    expect(queueName('team-a_1')).toBe('team-a_1');
  });

  test.each(['', 'a:b', 'a.b', 'a b', 'ä', 'x'.repeat(65)])('can not be %j', (name) => {
    expect(() => queueName(name)).toThrow(UsageError);
  });
});
