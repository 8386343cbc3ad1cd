import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { Ended, Started } from '../cli/penstock.js';
import { random } from '../helpers/random.js';
import { objectServer } from '../helpers/storage.js';
import { workspace } from '../helpers/workspace.js';
import { type Content, contentOf, FORMATS, SEED, simulated, Trial, tried, writeFiles } from './trial.js';

/** Kills in each place. PENSTOCK_FAULTS: of whole runs. */
const KILLS = Math.ceil(Number(process.env.PENSTOCK_FAULTS ?? 20) / 5);

/** A shard that is killed is over within this time, on most machines: it may be killed while it starts, too. */
const WHOLE_MS = 900;

/** The time that so many kills may take, on a machine that is busy with other things too. */
export const LIMIT_MS = 120_000 + KILLS * 60_000;

/** Where the shards of a trial write to, as the test sees it. */
interface Output {
  readonly trial: Trial;
  /** Once so many changes of it have been seen, or the run has ended. */
  changes(count: number, run: Started): Promise<void>;
  /** A file of it as it is now. */
  file(name: string): Buffer | undefined;
  content(): Content;
}

const PLACES = {
  'a local directory': async (settings: object, format: string): Promise<Output> => {
    const at = workspace();
    const trial = new Trial((uri) => simulated(writeFiles(at('data')), { uri, format }, settings), at);
    const file = (name: string): Buffer | undefined => {
      const path = at('out', name);
      return existsSync(path) ? readFileSync(path) : undefined;
    };
    return {
      trial,
      changes: (count, run) => trial.changes(count, run),
      file,
      content: () => contentOf(trial.out),
    };
  },
  'an object server': async (settings: object, format: string): Promise<Output> => {
    const at = workspace();
    const { server, url } = await objectServer({ now: Date.now });
    const storage = { endpoint: url, allow_anonymous: true };
    const data = writeFiles(at('data'));
    const trial = new Trial(() => simulated(data, { uri: 's3://data/out', storage, format }, settings), at);
    const OUT = '/data/out/';
    const waiting = new Set<() => void>();
    server.options.fault = ({ method }) => {
      if (method !== 'GET' && method !== 'HEAD') for (const count of waiting) count();
      return undefined;
    };
    const changes = async (count: number, { ended }: Started): Promise<void> => {
      let one: () => void = () => {};
      const enough = new Promise<void>((resolve) => {
        one = () => --count <= 0 && resolve();
      });
      waiting.add(one);
      await Promise.race([enough, ended]);
      waiting.delete(one);
    };
    const file = (name: string): Buffer | undefined => {
      const object = server.objects.get(OUT + name);
      return object && Buffer.from(object.bytes);
    };
    const content = (): Content => {
      const names = [...server.objects.keys()].filter((path) => path.startsWith(OUT)).sort();
      return new Map(names.map((path) => [path.slice(OUT.length), file(path.slice(OUT.length)) as Buffer]));
    };
    return { trial, changes, file, content };
  },
};

/** Files on their way to a name that all shards write: a shard that is killed may leave one, and none takes it away. */
const isShared = (name: string): boolean =>
  /^(_manifest\/)?\.(job\.json|_SUCCESS|\.?clock.*)\.\d+-[0-9a-f]{8}\.tmp$/.test(name);

/** Runs the shards of jobs side by side, kills each of them again and again, until enough were killed. */
export async function killShards(place: keyof typeof PLACES): Promise<void> {
  let kills = 0;
  for (let job = 0; kills < KILLS; job++) {
    const next = random(SEED * 1000 + 500 + job);
    const format = FORMATS[Math.floor(FORMATS.length * next())] ?? 'arrow';
    const producers = 1 + Math.floor(2 * next());
    const count = 2 + Math.floor(2 * next());
    const output = await PLACES[place]({ producers, batch: { size: 50, order: 'fixed' } }, format);
    try {
      const reference = await output.trial.reference();
      const survived: (() => void)[] = [];
      // Drawn beforehand: the order of what happens to several at a time differs from run to run.
      const plans = Array.from({ length: count }, () =>
        Array.from({ length: 1 + Math.floor(2 * next()) }, () => [next(), next()] as const),
      );
      const shards = plans.map(async (plan, index): Promise<Ended> => {
        for (const [how, when] of plan) {
          const run = output.trial.run({}, '--shard', `${index}/${count}`);
          if (how < 0.7) await output.changes(1 + Math.floor(60 * when), run);
          else await Promise.race([delay(WHOLE_MS * when), run.ended]);
          run.child.kill('SIGKILL');
          const ended = await run.ended;
          expectHonest(output, reference);
          if (ended.signal !== 'SIGKILL') return ended;
          kills++;
          survived.push(tried(`kill -9 (shards, ${place})`));
        }
        return output.trial.run({}, '--shard', `${index}/${count}`).ended;
      });
      for (const ended of await Promise.all(shards)) expect(ended.code, ended.stderr).toBe(0);
      // Again, there is nothing to do.
      const again = await output.trial.run({}, '--shard', `0/${count}`).ended;
      const content = [...output.content()].filter(([name]) => !isShared(name));
      await output.trial.expectDone(again, new Map(content), count);
      for (const one of survived) one();
    } catch (error) {
      expect.fail(`PENSTOCK_FAULTS_SEED=${SEED}, job ${job}, ${format}: ${(error as Error).message}`);
    }
  }
}

/** Where the marker stands, there are all parts, as an undisturbed run makes them, with their entries. */
function expectHonest({ file }: Output, reference: Content): void {
  if (file('_SUCCESS') === undefined) return;
  for (const [name, bytes] of reference) expect(file(name)?.equals(bytes), name).toBe(true);
}

/** The moment of a fault that nothing can be seen of from outside; nothing is waited for. */
const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
