import { type Localized, localized } from '../job/artifacts.js';
import type { Job } from '../job/schema.js';

interface WithModel {
  readonly model: Job['model'];
}

/** Models of a configuration that are files on this machine, which stay there until this is disposed of. */
export interface LocalModels<S extends WithModel> extends Disposable {
  readonly models: Readonly<Record<string, S>>;
  /** See `Localized`. */
  explain(error: unknown): unknown;
}

/**
 * Brings models to this machine that are elsewhere: see `localized`.
 *
 * @throws StorageError where one can't be fetched
 */
export async function localModels<S extends WithModel>(
  served: Readonly<Record<string, S>>,
): Promise<LocalModels<S>> {
  const held: Localized<WithModel>[] = [];
  const release = (): void => {
    for (const local of held) local[Symbol.dispose]();
  };
  try {
    const models: Record<string, S> = {};
    for (const [name, one] of Object.entries(served)) {
      const local = await localized<WithModel>({ model: one.model });
      held.push(local);
      models[name] = { ...one, model: local.job.model };
    }
    const explain = (error: unknown): unknown => held.reduce((known, local) => local.explain(known), error);
    return { models, explain, [Symbol.dispose]: release };
  } catch (error) {
    release();
    throw error;
  }
}
