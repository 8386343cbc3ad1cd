import { expect, test } from 'vitest';
import { now } from '../../src/clock/now.js';
import { type Claim, Devices } from '../../src/serve/devices.js';

const SHARE = { priority: 1, weight: 1 };

const device = () =>
  new Devices(now()).get({ id: 'gpu:0', runtime: 'module', provider: 'module', simulated: true });

test('a device has places for 64 models and jobs, and again for one where another has left', async () => {
  const gpu = device();
  const claims: Claim[] = [];
  for (let i = 0; i < 64; i++) claims.push(await gpu.join(2, SHARE));
  expect(new Set(claims.flatMap(({ places }) => places.map(({ member }) => member))).size).toBe(128);
  const refused = gpu.join(1, SHARE);
  await expect(refused).rejects.toMatchObject({ code: 'USAGE' });
  await expect(refused).rejects.toThrow('gpu:0: 64 models and jobs with 128 sessions are on it already');
  const [first] = claims as [Claim];
  await gpu.leave(first);
  expect(await gpu.join(1, SHARE)).toMatchObject({ claimant: first.claimant });
});

test('a device has places for 256 sessions', async () => {
  const gpu = device();
  const all = await gpu.join(256, SHARE);
  await expect(gpu.join(1, SHARE)).rejects.toThrow('1 models and jobs with 256 sessions');
  await gpu.leave(all);
  expect((await gpu.join(256, SHARE)).places).toHaveLength(256);
});
