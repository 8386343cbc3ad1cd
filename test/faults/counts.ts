import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A file to which each fault adds a line. */
    faultCounts: string;
  }
}

/** Run once before all files of the suite; at the end it prints how many faults there were, and how many did no harm. */
export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-faults-'));
  const file = join(folder, 'counts');
  appendFileSync(file, '');
  project.provide('faultCounts', file);
  return () => {
    const kinds = new Map<string, { tried: number; survived: number }>();
    const all = { tried: 0, survived: 0 };
    for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
      const [what, kind] = line.split('\t') as ['tried' | 'survived', string];
      const counts = kinds.get(kind) ?? { tried: 0, survived: 0 };
      kinds.set(kind, counts);
      counts[what]++;
      all[what]++;
    }
    rmSync(folder, { recursive: true });
    if (all.tried === 0) return;
    console.log('\nfaults');
    for (const [kind, { tried, survived }] of [...kinds].sort()) {
      console.log(`  ${kind}: ${tried} tried, ${survived} survived`);
    }
    console.log(`faults: ${all.tried} tried, ${all.survived} survived`);
  };
}
