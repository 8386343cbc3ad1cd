import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where in a module an error came from, as `transform.mjs:12:3`: the innermost frame of its stack that lies there. */
export function frameIn(error: unknown, url: string): string | undefined {
  if (!(error instanceof Error) || error.stack === undefined) return undefined;
  const path = fileURLToPath(url);
  for (const line of error.stack.split('\n')) {
    if (!/^\s+at /.test(line)) continue;
    const start = [url, path].map((name) => line.indexOf(`${name}:`)).find((at) => at >= 0);
    const [, place] = start === undefined ? [] : (/(:\d+:\d+)\)?$/.exec(line) ?? []);
    if (place !== undefined) return basename(path) + place;
  }
  return undefined;
}
