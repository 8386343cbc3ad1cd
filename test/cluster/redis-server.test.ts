import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { NO_REDIS, REDIS, redisServer } from '../helpers/redis.js';

describe('the Redis of the tests', () => {
  test('has its data again after it was stopped, until it is flushed', async (context) => {
    context.skip(!REDIS, NO_REDIS);
    const server = await redisServer();
    await server.client().set('key', 'value');
    await server.stop();
    await server.start();
    expect(await server.client().get('key')).toBe('value');
    await server.flush();
    expect(await server.client().exists('key')).toBe(0);
  });

  for (const [what, options] of [
    ['a password', { password: 'p@ss/word' }],
    ['a user with a password', { username: 'worker', password: 'secret' }],
    ['TLS and a password', { tls: true, password: 'secret' }],
  ] as const) {
    test(`asks for ${what}`, async (context) => {
      context.skip(!REDIS, NO_REDIS);
      const server = await redisServer(options);
      expect(await server.client().ping()).toBe('PONG');
      const stranger = new Redis(server.bareUrl.replace('rediss', 'redis'), {
        lazyConnect: true,
        retryStrategy: null,
        enableReadyCheck: false,
        maxRetriesPerRequest: 0,
      });
      stranger.on('error', () => {});
      await expect(stranger.set('key', 'value')).rejects.toThrow();
      stranger.disconnect();
    });
  }
});
