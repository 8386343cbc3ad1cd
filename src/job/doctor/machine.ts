import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { availableMemory } from '../../util/memory.js';
import type { Finding, Machine } from './types.js';

/** What package.json asks for. */
const LEAST_NODE = [20, 19] as const;

export function inspectMachine(): Machine {
  const processors = cpus();
  const totalBytes = totalmem();
  const granted = availableMemory();
  return {
    node: process.versions.node,
    platform: process.platform,
    arch: process.arch,
    libc: libcOf(),
    cpu: {
      model: processors[0]?.model.trim() ?? 'unknown',
      cores: processors.length,
      limit: cpuLimit(),
    },
    memory: {
      totalBytes,
      limitBytes: granted < totalBytes ? granted : null,
      availableBytes: process.availableMemory(),
    },
  };
}

function libcOf(): Machine['libc'] {
  if (process.platform !== 'linux') return null;
  // Interfaces of the network take seconds to list where a name server is slow, and are of no interest.
  Object.assign(process.report, { excludeNetwork: true });
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  const version = header.glibcVersionRuntime;
  return version === undefined ? { name: 'musl', version: null } : { name: 'glibc', version };
}

/**
 * Cores' worth of time that the cgroup grants, of version 2 (`cpu.max`) or 1 (`cpu.cfs_quota_us`): the least of this
 * process's group and those above it. Null where none sets a limit. What Node counts as available does not know of it.
 */
export function cpuLimit(root = '/sys/fs/cgroup', self = '/proc/self/cgroup'): number | null {
  const limits: number[] = [];
  for (const line of (read(self) ?? '').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    if (controllers !== '' && !controllers.split(',').includes('cpu')) continue;
    const mount = controllers === '' ? root : join(root, controllers);
    const parts = path.split('/').filter((part) => part !== '');
    for (let depth = parts.length; depth >= 0; depth--) {
      const limit = limitIn(join(mount, ...parts.slice(0, depth)));
      if (limit !== undefined) limits.push(limit);
    }
  }
  return limits.length === 0 ? null : Math.min(...limits);
}

function limitIn(folder: string): number | undefined {
  const [quota, period] =
    read(join(folder, 'cpu.max'))?.split(/\s+/) ??
    ['cpu.cfs_quota_us', 'cpu.cfs_period_us'].map((name) => read(join(folder, name)));
  const limit = Number(quota) / Number(period);
  return limit > 0 && Number.isFinite(limit) ? limit : undefined;
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** The machine, judged. */
export function judgeMachine({ node, platform, arch, libc, cpu, memory }: Machine): Finding[] {
  const [major = 0, minor = 0] = node.split('.').map(Number);
  const old = major < LEAST_NODE[0] || (major === LEAST_NODE[0] && minor < LEAST_NODE[1]);
  const library =
    libc === null ? '' : `, ${[libc.name, libc.version].filter((part) => part !== null).join(' ')}`;
  const limit = cpu.limit === null ? '' : `, limited to ${cpu.limit} by the cgroup`;
  const of = memory.limitBytes === null ? '' : `, of which the cgroup grants ${gigabytes(memory.limitBytes)}`;
  const musl = libc?.name === 'musl';
  return [
    {
      name: 'Node.js',
      status: old || musl ? 'broken' : 'ok',
      detail: `${node} (${platform} ${arch}${library})`,
      todo: [
        ...(old ? [`Install Node.js ${LEAST_NODE.join('.')} or later.`] : []),
        ...(musl
          ? ['ONNX Runtime is built for glibc: use an image that has it, for instance node:22-slim.']
          : []),
      ],
    },
    { name: 'CPU', status: 'ok', detail: `${cpu.cores} × ${cpu.model}${limit}`, todo: [] },
    {
      name: 'memory',
      status: 'ok',
      detail: `${gigabytes(memory.totalBytes)}${of}; ${gigabytes(memory.availableBytes)} available`,
      todo: [],
    },
  ];
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
