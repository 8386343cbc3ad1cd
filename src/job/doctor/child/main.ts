import { messageOf } from '../../../util/errors.js';
import { tryAdapter } from './adapter.js';
import { tryGpus } from './gpus.js';
import { tryLibraries } from './library.js';
import { tryPackage } from './package.js';
import { tryPinning } from './pinning.js';
import { tryProvider } from './provider.js';

/*
 * A process that tries one thing, given as its arguments, and sends its parent what came of it. It may crash: that is
 * what it is for.
 */
const TASKS = {
  adapter: tryAdapter,
  gpus: tryGpus,
  libraries: tryLibraries,
  package: tryPackage,
  pinning: tryPinning,
  provider: tryProvider,
} as const;

export type TaskName = keyof typeof TASKS;
export type Answer<Name extends TaskName> = Awaited<ReturnType<(typeof TASKS)[Name]>>;

/** What the child sends. */
export type Reply =
  | { readonly kind: 'answer'; readonly answer: unknown }
  | { readonly kind: 'error'; readonly message: string };

const [, , name = '', argument = ''] = process.argv;

async function reply(): Promise<Reply> {
  try {
    const task = TASKS[name as TaskName] as (argument: string) => unknown;
    return { kind: 'answer', answer: await task(argument) };
  } catch (error) {
    return { kind: 'error', message: messageOf(error) };
  }
}

process.send?.(await reply(), () => process.disconnect());
