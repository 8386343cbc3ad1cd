import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** How many of these something still holds. */
export async function alive(refs: readonly WeakRef<object>[]): Promise<number> {
  // What a WeakRef was made for is held until the turn of the event loop is over.
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  return refs.filter((ref) => ref.deref() !== undefined).length;
}
