import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const IMPORTING = /\b(?:import(?!\.meta)|require)\b/g;
const SPECIFIER = /\b(?:from|import|require)\s*\(?\s*(['"`])([^'"`]+)\1/g;

/**
 * Whether a transform's module may load others than Node's own, and so an apache-arrow that it shares with the threads that
 * run it. By what it looks like: where in doubt, it may.
 *
 * @param module a path, or a file: URL
 */
export function loadsModules(module: string): boolean {
  try {
    const text = readFileSync(module.startsWith('file:') ? new URL(module) : pathToFileURL(module), 'utf8');
    const specifiers = [...text.matchAll(SPECIFIER)].map(([, , specifier = '']) => specifier);
    const importing = text.match(IMPORTING)?.length ?? 0;
    return importing > specifiers.length || !specifiers.every(isHarmless);
  } catch {
    return true;
  }
}

/** Of Node's own modules one can load all others. */
const isHarmless = (specifier: string): boolean =>
  specifier.startsWith('node:') && specifier !== 'node:module';
