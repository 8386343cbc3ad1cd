import { join } from 'node:path';
import { loadServeConfig, startServer } from 'penstock';
import { type Block, blocksOf, placeOf } from './blocks.js';
import type { Playground } from './playground.js';

/** What became of the shell blocks of a page. */
export interface PageRun {
  readonly blocks: number;
  /** Where and why, for each that was not run. */
  readonly notRun: readonly string[];
}

/** Does what a page says, as a reader would: its files come into being, and its commands run, in their order. */
export async function runPage(page: string, ground: Playground): Promise<PageRun> {
  const notRun: string[] = [];
  let blocks = 0;
  for (const block of blocksOf(page)) {
    if (block.file !== undefined) ground.write(block.file, block.text);
    if (block.language !== 'sh' || block.file !== undefined) continue;
    blocks++;
    if (block.notRun === undefined) await run(ground, block);
    else {
      await ground.run(checksOf(block.text));
      notRun.push(`${placeOf(block)}: ${block.notRun}`);
    }
  }
  return { blocks, notRun };
}

async function run(ground: Playground, { text, server }: Block): Promise<void> {
  if (server === undefined) {
    await ground.run(text);
    return;
  }
  const set = ['listen.port=0', 'listen.grpcPort=0'];
  const running = await startServer(await loadServeConfig(join(ground.directory, server), { set }));
  try {
    await ground.run(text.replaceAll('http://127.0.0.1:8000', running.url));
  } finally {
    await running.close();
  }
}

const OURS =
  /\bpenstock ((?:run|bench|inspect|doctor|serve|stress|submit|worker|status|cancel|schema|demo)\b[^|;&#)>]*)/;

/** Of commands that can't be run, those that are ours: their options at least must be there. Variables are 1. */
export function checksOf(text: string): string {
  const lines = text.replaceAll('\\\n', ' ').split('\n');
  const ours = lines.flatMap((line) => OURS.exec(line)?.[1]?.replaceAll(/\$\{?\w+\}?/g, '1') ?? []);
  return ['true', ...ours.map((args) => `penstock-check ${args}`)].join('\n');
}
