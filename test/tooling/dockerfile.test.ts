import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { serveHealth } from '../../src/cluster/health.js';
import { HealthState } from '../../src/cluster/health-state.js';
import { repository } from '../cli/penstock.js';
import { freePort } from '../helpers/redis.js';

const dockerfile = readFileSync(join(repository, 'Dockerfile'), 'utf8');
const { version, bin, files } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'));

/** What comes after an instruction, in every image. */
const all = (instruction: RegExp): string[] =>
  [...dockerfile.matchAll(instruction)].map(([, rest = '']) => rest.trim());

test('images install this version, and manifests name it', () => {
  expect(all(/^ARG PENSTOCK=(.+)$/gm)).toEqual([`penstock@${version}`]);
  const folder = join(repository, 'examples/kubernetes');
  const tags = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('kustomization.yaml'))
    .flatMap((name) => [...readFileSync(join(folder, name), 'utf8').matchAll(/newTag: (\S+)$/gm)])
    .map(([, tag = '']) => tag.replace(/-cuda$/, ''));
  expect(tags.length).toBeGreaterThan(3);
  expect(new Set(tags)).toEqual(new Set([version]));
});

test('both images end in the same way: no root, signals handed on, a health check', () => {
  for (const instruction of [/^USER (.+)$/gm, /^ENTRYPOINT (.+)$/gm, /^HEALTHCHECK .*\\\n\s+CMD (.+)$/gm]) {
    const found = all(instruction);
    expect(found).toHaveLength(2);
    expect(new Set(found).size).toBe(1);
  }
  expect(all(/^USER (.+)$/gm)[0]).toBe('1000:1000');
  expect(all(/^ENTRYPOINT (.+)$/gm)[0]).toBe('["tini", "--", "penstock"]');
});

test('paths in images are those of the package', () => {
  const inPackage = /\/node_modules\/penstock\/((?:dist|native-models)\/[^\s"]+)/g;
  const manifests = ['submit/submit.yaml', 'indexed-job/job.yaml'].map((name) =>
    readFileSync(join(repository, 'examples/kubernetes', name), 'utf8'),
  );
  const paths = [dockerfile, ...manifests].flatMap((text) => [...text.matchAll(inPackage)]);
  const found = new Set(paths.map(([, path = '']) => path));
  expect(found).toEqual(new Set([bin.penstock, 'native-models/digits/digits.onnx']));
  for (const path of found) {
    expect(existsSync(join(repository, path)), path).toBe(true);
    expect(files.some((published: string) => path.startsWith(published))).toBe(true);
  }
});

test('the health check fails where a worker does not answer, and only there', async () => {
  const [command = '[]'] = all(/^HEALTHCHECK .*\\\n\s+CMD (.+)$/gm);
  const [program = '', ...args] = JSON.parse(command) as string[];
  expect(program).toBe('node');
  const check = async (health: string): Promise<number> => {
    const env = { ...process.env, PENSTOCK_HEALTH: health };
    return promisify(execFile)(process.execPath, args, { env }).then(
      () => 0,
      ({ code }) => code,
    );
  };
  const server = await serveHealth({ host: '127.0.0.1', port: 0 }, new HealthState());
  onTestFinished(() => server[Symbol.asyncDispose]());
  const { port } = new URL(server.url);
  expect(await check(port)).toBe(0);
  expect(await check(`0.0.0.0:${port}`)).toBe(0);
  expect(await check(String(await freePort()))).toBe(1);
  expect(await check('')).toBe(0);
});
