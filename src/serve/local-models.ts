import { localized } from '../job/artifacts.js';
import type { Job } from '../job/schema.js';

/** What of a configuration tells its models. */
export interface WithModels {
  readonly models: Readonly<Record<string, { readonly model: Job['model'] }>>;
}

/** A configuration whose models are files on this machine, which stay there until this is disposed of. */
export interface LocalModels<C extends WithModels> extends Disposable {
  readonly config: C;
  /** See `Localized`. */
  explain(error: unknown): unknown;
}

/**
 * Brings models to this machine that are elsewhere: see `localized`.
 *
 * @throws StorageError where one can't be fetched
 */
export async function localModels<C extends WithModels>(config: C): Promise<LocalModels<C>> {
  const held: Awaited<ReturnType<typeof localized<{ readonly model: Job['model'] }>>>[] = [];
  const release = (): void => {
    for (const local of held) local[Symbol.dispose]();
  };
  try {
    const models: Record<string, C['models'][string]> = {};
    for (const [name, served] of Object.entries(config.models)) {
      const local = await localized({ model: served.model });
      held.push(local);
      models[name] = { ...served, ...local.job };
    }
    const explain = (error: unknown): unknown => held.reduce((known, local) => local.explain(known), error);
    return { config: { ...config, models }, explain, [Symbol.dispose]: release };
  } catch (error) {
    release();
    throw error;
  }
}
