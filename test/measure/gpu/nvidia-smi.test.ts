import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openNvidiaSmi } from '../../../src/measure/gpu/nvidia-smi.js';
import { workspace } from '../../helpers/workspace.js';

/** A script that stands in for nvidia-smi. */
function fake(path: string, body: string): string {
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

test.skipIf(process.platform === 'win32')(
  'one process is asked once and read for as long as the probe is open',
  async () => {
    const at = workspace();
    const command = fake(
      at('nvidia-smi'),
      `echo "$@" >> ${at('calls')}
use=0
while true; do
  use=$((use + 1))
  echo "0, GPU-0a, NVIDIA A100-SXM4-80GB, 550.54.15, 81920, $use, 7, 1024, 213.45, 40, 1410, 1593"
  echo "1, GPU-1b, Tesla P4, 550.54.15, 7680, [Not Supported], [N/A], 0, [N/A], 35, 139, 405"
  sleep 0.05
done`,
    );
    const probe = await openNvidiaSmi(50, command);
    if (probe === undefined) throw new Error('no probe');
    expect(probe).toMatchObject({ source: 'nvidia-smi', driver: '550.54.15', cuda: null });
    expect(probe.devices()).toEqual([
      { index: 0, name: 'NVIDIA A100-SXM4-80GB', uuid: 'GPU-0a' },
      { index: 1, name: 'Tesla P4', uuid: 'GPU-1b' },
    ]);
    expect(probe.memoryBytes(0)).toBe(80 * 2 ** 30);
    const first = probe.sample(0);
    expect(first).toMatchObject({
      memoryBusy: 0.07,
      memoryUsedBytes: 2 ** 30,
      watts: 213.45,
      celsius: 40,
      smClockMhz: 1410,
      memoryClockMhz: 1593,
      smActive: null,
      pcieSentBytesPerSecond: null,
    });
    await expect.poll(() => probe.sample(0)?.gpu, { timeout: 10_000 }).toBeGreaterThan(first?.gpu ?? 0);
    expect(probe.sample(1)).toMatchObject({ gpu: null, memoryBusy: null, watts: null, celsius: 35 });
    expect(probe.sample(2)).toBeNull();
    probe.close();
    const calls = readFileSync(at('calls'), 'utf8').trim().split('\n');
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatch(
      /^--query-gpu=index,uuid,name,driver_version,memory\.total,utilization\.gpu,\S+ --format=csv,noheader,nounits --loop-ms=50$/,
    );
  },
);

test.skipIf(process.platform === 'win32')(
  'none, one that fails, and one that says something else: no probe',
  async () => {
    const at = workspace();
    expect(await openNvidiaSmi(100, at('absent'))).toBeUndefined();
    const says = "echo NVIDIA-SMI has failed because it couldn\\'t communicate with the NVIDIA driver.";
    expect(await openNvidiaSmi(100, fake(at('broken'), `${says}; exit 9`))).toBeUndefined();
  },
);

test.skipIf(process.platform === 'win32')(
  'a GPU alone is found though no second round comes; what it does not tell is null',
  async () => {
    const at = workspace();
    const lines = [
      'WARNING: infoROM is corrupted at gpu 0000:01:00.0',
      'x1, GPU-0a, A100, 550.54.15, 81920, 50, 7, 1024, 213.45, 40, 1410, 1593',
      '1x, GPU-0a, A100, 550.54.15, 81920, 50, 7, 1024, 213.45, 40, 1410, 1593',
      '0, GPU-0a, A100, 550.54.15, 81920',
      '13, N/A, A100, [N/A], [N/A], 57, 29, , 0.1, N/A, [Unknown Error], 1593',
    ];
    const says = lines.map((line) => `echo "${line}"`).join('\n');
    const probe = await openNvidiaSmi(100, fake(at('nvidia-smi'), `${says}\nexec sleep 20`));
    if (probe === undefined) throw new Error('no probe');
    expect(probe.devices()).toEqual([{ index: 13, name: 'A100', uuid: null }]);
    expect(probe.driver).toBeNull();
    expect([probe.memoryBytes(13), probe.memoryBytes(0), probe.sample(0)]).toEqual([null, null, null]);
    expect(probe.sample(13)).toEqual({
      gpu: 0.57,
      memoryBusy: 0.29,
      memoryUsedBytes: null,
      watts: 0.1,
      celsius: null,
      smClockMhz: null,
      memoryClockMhz: 1593,
      pcieSentBytesPerSecond: null,
      pcieReceivedBytesPerSecond: null,
      smActive: null,
      smOccupancy: null,
      tensorActive: null,
      dramActive: null,
    });
    probe.close();
    await expect.poll(() => probe.sample(13)).toBeNull();
  },
);

test.skipIf(process.platform === 'win32')('a GPU that says nothing any more is not believed', async () => {
  const at = workspace();
  const line = '0, GPU-0a, A100, 550.54.15, 81920, 50, 7, 1024, 213.45, 40, 1410, 1593';
  const command = fake(at('nvidia-smi'), `echo "${line}"; echo "${line}"; sleep 0.3; touch ${at('gone')}`);
  const probe = await openNvidiaSmi(100, command);
  expect(probe?.sample(0)?.gpu).toBe(0.5);
  while (!existsSync(at('gone'))) await sleep(20);
  await expect.poll(() => probe?.sample(0)).toBeNull();
  probe?.close();
});

test.skipIf(process.platform === 'win32')('what is read after its end is not believed either', async () => {
  const at = workspace();
  const line = (use: number): string =>
    `0, GPU-0a, A100, 550.54.15, 81920, ${use}, 7, 1024, 213.45, 40, 1410, 1593`;
  // A process that it has left behind has its pipe, and says something once it is gone.
  const after = `(while kill -0 $$ 2>/dev/null; do sleep 0.05; done; echo "${line(90)}"; sleep 0.3) &`;
  const command = fake(at('nvidia-smi'), `echo "${line(50)}"; echo "${line(50)}"; ${after} sleep 0.3`);
  const probe = await openNvidiaSmi(100, command);
  await expect.poll(() => probe?.sample(0)?.gpu, { timeout: 10_000, interval: 10 }).toBe(0.9);
  await expect.poll(() => probe?.sample(0), { timeout: 10_000 }).toBeNull();
  probe?.close();
});
