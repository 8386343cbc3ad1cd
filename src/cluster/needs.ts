import { bytes } from '../util/figures.js';

/** What a run asks of a worker. */
export interface Needs {
  readonly runtime: string;
  /** Any one of them. */
  readonly providers: readonly string[];
  /** The job brings code of its own, a transform or a module as its model; their digests, where they are known. */
  readonly code?: readonly string[];
  readonly memoryBytes?: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** What a worker has. */
export interface Offer {
  /** By runtime; those of runtimes that are not named need nothing. Null until they were tried. */
  readonly providers: Readonly<Record<string, readonly string[]>> | null;
  readonly memoryBytes: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly code: { readonly all: boolean; readonly digests: readonly string[] };
}

/** Runtimes that take what computes from elsewhere; others bring all that they need. */
const WITH_PROVIDERS = ['onnx', 'tensorflow'];

/** Whether a worker must have tried its providers before it knows whether it can do a run. */
export function needsProof({ runtime }: Pick<Needs, 'runtime'>, { providers }: Offer): boolean {
  return providers === null && WITH_PROVIDERS.includes(runtime);
}

/** What a worker lacks for a run, a few words each; empty where it can run it. */
export function lacks(needs: Needs, offer: Offer): string[] {
  const missing: string[] = [];
  if (needsProof(needs, offer)) missing.push(`${needs.runtime} yet (its providers are being tried)`);
  const has = offer.providers?.[needs.runtime];
  if (has !== undefined && !needs.providers.some((provider) => has.includes(provider))) {
    missing.push(`${needs.runtime} with ${anyOf(needs.providers)} (it has ${anyOf(has)})`);
  }
  if (needs.memoryBytes !== undefined && needs.memoryBytes > offer.memoryBytes) {
    missing.push(`${bytes(needs.memoryBytes)} of memory (it has ${bytes(offer.memoryBytes)})`);
  }
  for (const [key, value] of Object.entries(needs.labels)) {
    const own = offer.labels[key];
    if (own !== value)
      missing.push(`label ${key}=${value}${own === undefined ? '' : ` (it has ${key}=${own})`}`);
  }
  const { all, digests } = offer.code;
  if (needs.code !== undefined && !all && !isAllowed(needs.code, digests)) {
    missing.push('leave to run code of a job (--allow-code, or --allow-digest)');
  }
  return missing;
}

function isAllowed(code: readonly string[], allowed: readonly string[]): boolean {
  return code.length > 0 && code.every((digest) => allowed.includes(digest));
}

function anyOf(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(' or ');
}

/**
 * Why no worker takes a run: nobody is there, or what each of them lacks; empty where one fits. Workers that lack the same
 * are told of together.
 */
export function unmet(
  needs: Needs,
  workers: readonly { readonly id: string; readonly offer: Offer }[],
): string[] {
  if (workers.length === 0) return ['no worker is there'];
  const lacking = new Map<string, string[]>();
  for (const { id, offer } of workers) {
    const missing = lacks(needs, offer);
    if (missing.length === 0) return [];
    const what = missing.join(', ');
    lacking.set(what, [...(lacking.get(what) ?? []), id]);
  }
  return [...lacking].map(([what, ids]) => `${namesOf(ids)}: no ${what}`);
}

function namesOf(ids: readonly string[]): string {
  const [first = '', ...others] = ids;
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
