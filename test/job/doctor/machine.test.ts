import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { cpuLimit, inspectMachine, judgeMachine } from '../../../src/job/doctor/machine.js';
import { workspace } from '../../helpers/workspace.js';

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

test('the limit of a cgroup of version 2 is the least of its own and those above', () => {
  const at = workspace();
  write(at('self'), '0::/pods/one\n');
  expect(cpuLimit(at('fs'), at('self'))).toBeNull();
  write(at('fs/pods/one/cpu.max'), 'max 100000\n');
  expect(cpuLimit(at('fs'), at('self'))).toBeNull();
  write(at('fs/pods/cpu.max'), '150000 100000\n');
  expect(cpuLimit(at('fs'), at('self'))).toBe(1.5);
  write(at('fs/pods/one/cpu.max'), '400000 100000\n');
  expect(cpuLimit(at('fs'), at('self'))).toBe(1.5);
});

test('so is that of version 1', () => {
  const at = workspace();
  write(at('self'), '4:memory:/x\n1:cpu,cpuacct:/docker/a\n0::/\n');
  write(at('fs/cpu,cpuacct/docker/a/cpu.cfs_quota_us'), '-1\n');
  write(at('fs/cpu,cpuacct/docker/a/cpu.cfs_period_us'), '100000\n');
  expect(cpuLimit(at('fs'), at('self'))).toBeNull();
  write(at('fs/cpu,cpuacct/docker/a/cpu.cfs_quota_us'), '50000\n');
  expect(cpuLimit(at('fs'), at('self'))).toBe(0.5);
  expect(cpuLimit(at('fs'), at('absent'))).toBeNull();
});

test('an old Node and a C library that ONNX Runtime is not built for are named', () => {
  const machine = inspectMachine();
  expect(judgeMachine(machine).map(({ status }) => status)).toEqual(['ok', 'ok', 'ok']);
  const [old] = judgeMachine({ ...machine, node: '18.20.1' });
  expect(old).toMatchObject({ status: 'broken', todo: ['Install Node.js 20.19 or later.'] });
  const [musl] = judgeMachine({ ...machine, libc: { name: 'musl', version: null } });
  expect(musl?.todo[0]).toContain('built for glibc');
  const [, cpu, memory] = judgeMachine({
    ...machine,
    cpu: { model: 'Z80', cores: 8, limit: 1.5 },
    memory: { totalBytes: 64e9, limitBytes: 4e9, availableBytes: 3e9 },
  });
  expect(cpu?.detail).toBe('8 × Z80, limited to 1.5 by the cgroup');
  expect(memory?.detail).toBe('64.0 GB, of which the cgroup grants 4.0 GB; 3.0 GB available');
});
