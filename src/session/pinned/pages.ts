import type { PageGrid } from '../../ring/ring.js';

/**
 * The pages of this machine's memory, through koffi; undefined where there is none. What is pinned begins at a page and
 * ends with one: then no page of it holds anything else, which would be pinned in part, and a copy of what is pinned in
 * part fails.
 */
export async function openPages(): Promise<PageGrid | undefined> {
  let koffi: typeof import('koffi');
  try {
    koffi = await import('koffi');
  } catch {
    return undefined; // an optional package
  }
  const bytes = pageBytes(koffi);
  return {
    bytes,
    startIn(buffer) {
      const address = koffi.address(new Uint8Array(buffer));
      return Number(-address & BigInt(bytes - 1));
    },
  };
}

const USUAL_BYTES = 4096;

function pageBytes(koffi: typeof import('koffi')): number {
  if (process.platform === 'win32') return USUAL_BYTES;
  return koffi.load(null).func('int getpagesize()')() as number;
}
