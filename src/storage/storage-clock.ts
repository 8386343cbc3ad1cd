import type { OutputStore } from './output-types.js';
import { temporaryName } from './temporary-name.js';

/** What the clock of a storage shows, milliseconds since 1970: it dates a file that is written for that alone. */
export async function storageClock(store: Pick<OutputStore, 'write' | 'stat' | 'remove'>): Promise<number> {
  const name = temporaryName('clock');
  await store.write(name, new Uint8Array(0));
  const file = await store.stat(name);
  await store.remove(name);
  return file?.modified ?? Date.now();
}
