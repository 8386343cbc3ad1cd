import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseJob } from 'penstock';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { DIGITS_JOB, penstock, repository, start } from '../cli/penstock.js';
import { freePort, NO_REDIS, REDIS, redisServer } from '../helpers/redis.js';
import { readColumn, workspace } from '../helpers/workspace.js';

/*
 * What schemas can't know (those are in test/interop): that the parts fit each other, and what the command line takes.
 */

const FOLDER = join(repository, 'examples/kubernetes');

interface Probe {
  readonly httpGet: { readonly path: string };
}

interface Container {
  readonly args: readonly string[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly completions?: number;
    readonly triggers?: readonly { readonly metadata: Readonly<Record<string, string>> }[];
    readonly template?: {
      readonly spec: {
        readonly terminationGracePeriodSeconds?: number;
        readonly containers: readonly [Container];
      };
    };
  };
}

function read(...path: string[]): Manifest[] {
  return parseAllDocuments(readFileSync(join(FOLDER, ...path), 'utf8')).map((document) => {
    expect([...document.errors, ...document.warnings], join(...path)).toEqual([]);
    return document.toJS();
  });
}

function manifest(kind: string, ...path: string[]): Manifest {
  const found = read(...path).find((one) => one.kind === kind);
  if (found === undefined) throw new Error(`no ${kind} in ${path.join('/')}`);
  return found;
}

function podOf({ spec }: Manifest) {
  const pod = spec?.template?.spec;
  if (pod === undefined) throw new Error('no pod');
  return { ...pod, container: pod.containers[0] };
}

/** The arguments of a container, as they are on this machine. */
function argumentsOf(one: Manifest, changes: Readonly<Record<string, string>>): string[] {
  return podOf(one).container.args.map((argument) =>
    Object.entries(changes).reduce((text, [from, to]) => text.replace(from, to), argument),
  );
}

const worker = manifest('Deployment', 'workers', 'worker.yaml');
const submit = manifest('Job', 'submit', 'submit.yaml');
const indexed = manifest('Job', 'indexed-job', 'job.yaml');

const JOB_FILE = '/etc/penstock/job.yaml';
const QUEUE = 'redis://penstock-redis:6379';

describe('the manifests of Kubernetes', { timeout: 180_000 }, () => {
  test('are YAML without doubled keys, and what kustomizations name is there', () => {
    const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /\.yaml$/.test(name),
    );
    expect(files.length).toBeGreaterThan(10);
    for (const file of files) {
      for (const { kind, ...rest } of read(file)) {
        if (kind !== 'Kustomization') continue;
        const { resources = [], patches = [] } = rest as {
          resources?: string[];
          patches?: { path: string }[];
        };
        for (const path of [...resources, ...patches.map((patch) => patch.path)])
          expect(existsSync(join(FOLDER, file, '..', path)), `${file}: ${path}`).toBe(true);
      }
    }
  });

  test.each([['submit/submit.yaml'], ['indexed-job/job.yaml']])('have a job that is one: %s', (file) => {
    const [document] = parseAllDocuments(manifest('ConfigMap', file).data?.['job.yaml'] ?? '');
    expect(parseJob(document?.toJS()).sink.uri).toBe('s3://your-bucket/predictions');
  });

  test('leave a worker the time that it takes to drain', () => {
    const { container, terminationGracePeriodSeconds = 0 } = podOf(worker);
    const drain = container.args
      .map((argument) => /^--drain-seconds=(\d+)$/.exec(argument)?.[1])
      .find(Boolean);
    expect(terminationGracePeriodSeconds).toBeGreaterThan(Number(drain));
  });

  test('start what submits a job, and workers that do it and answer probes', async (context) => {
    context.skip(!REDIS, NO_REDIS);
    const password = 'of the secret';
    const { port, client } = await redisOf(password);
    const out = workspace()('out');
    const env = { PENSTOCK_QUEUE_PASSWORD: password };
    const queue = `redis://127.0.0.1:${port}`;
    const changes = { [QUEUE]: queue, [JOB_FILE]: DIGITS_JOB };
    const set = ['--set', `sink.uri=${out}`];
    const submitted = start([...argumentsOf(submit, changes), ...set], { env });

    const open =
      manifest('ScaledObject', 'autoscaled', 'keda.yaml').spec?.triggers?.[0]?.metadata.listName ?? '';
    await expect.poll(() => client.scard(open), { timeout: 30_000 }).toBeGreaterThan(0);
    expect(await client.type(open)).toBe('set');

    const healthPort = await freePort();
    const health = { '0.0.0.0:8080': `127.0.0.1:${healthPort}` };
    const { child, ended } = start(argumentsOf(worker, { ...changes, ...health }), { env });
    const { startupProbe, livenessProbe, readinessProbe } = podOf(worker).container;
    for (const probe of [startupProbe, livenessProbe, readinessProbe]) {
      const url = `http://127.0.0.1:${healthPort}${probe?.httpGet.path}`;
      const status = () => fetch(url).then((answer) => answer.status, String);
      await expect.poll(status, { timeout: 30_000 }).toBe(200);
    }
    expect(await submitted.ended).toMatchObject({ code: 0 });
    expect(await client.scard(open)).toBe(0);
    expect(await readColumn(out, 'id')).toHaveLength(2000);
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0 });
  });

  test('start an indexed job’s shards, which complete its output', async () => {
    const { completions = 0 } = indexed.spec ?? {};
    const out = workspace()('out');
    for (let index = 0; index < completions; index++) {
      const args = argumentsOf(indexed, { [JOB_FILE]: DIGITS_JOB, '$(JOB_COMPLETION_INDEX)': String(index) });
      const { code, stderr } = await penstock(...args, '--set', `sink.uri=${out}`);
      expect(code, stderr).toBe(0);
      expect(existsSync(join(out, '_SUCCESS'))).toBe(index === completions - 1);
    }
    expect(await readColumn(out, 'id')).toEqual(Array.from({ length: 2000 }, (_, id) => id));
  });
});

async function redisOf(password: string) {
  const server = await redisServer({ password });
  return { port: server.port, client: server.client() };
}
