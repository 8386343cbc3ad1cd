import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { globSync } from 'tinyglobby';
import { repository } from '../cli/penstock.js';

/** A fenced block of a page. */
export interface Block {
  /** From the root of the repository. */
  readonly page: string;
  /** Of the fence, from 1. */
  readonly line: number;
  /** The first word behind the fence: `sh`, `yaml`, `ts`, …; empty where there is none. */
  readonly language: string;
  /** The words behind it. */
  readonly info: readonly string[];
  readonly text: string;
  /** The file that it is, where its first line is a comment that says so: `# job.yaml`. */
  readonly file: string | undefined;
  /** Why it can't be run here: `<!-- not run: why -->` above it. */
  readonly notRun: string | undefined;
  /** The configuration of a server that it asks: `<!-- with a server: serve.yaml -->` above it. */
  readonly server: string | undefined;
}

/** Every page that has blocks which must do what they say: the README, the manual, and the examples' own pages. */
export const PAGES = globSync(['README.md', 'docs/**/*.md', 'examples/**/README.md'], {
  cwd: repository,
}).sort();

export function read(page: string): string {
  return readFileSync(join(repository, page), 'utf8');
}

const FENCE = /^( *)(`{3,})(.*)$/;
const FILE = /^(?:#|\/\/) ([\w./-]+\.(?:yaml|yml|mjs|ts|sh|json|service|timer))(?=[\s:;,]|$)/;

/** The fenced blocks of a page, in their order. */
export function blocksOf(page: string, markdown = read(page)): Block[] {
  const lines = markdown.split('\n');
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const [, indent = '', fence, after = ''] = FENCE.exec(lines[at] ?? '') ?? [];
    if (fence === undefined) continue;
    const end = lines.findIndex((line, i) => i > at && line.trim() === fence);
    if (end < 0) throw new Error(`${page}:${at + 1}: the fence is never closed`);
    const text = lines
      .slice(at + 1, end)
      .map((line) => line.slice(indent.length))
      .join('\n');
    const [language = '', ...info] = after.trim().split(/\s+/);
    const note = lines.slice(0, at).findLast((line) => line.trim() !== '') ?? '';
    blocks.push({
      page,
      line: at + 1,
      language,
      info,
      text,
      file: FILE.exec(text)?.[1],
      notRun: /<!-- not run: (.+) -->/.exec(note)?.[1],
      server: /<!-- with a server: (\S+) -->/.exec(note)?.[1],
    });
    at = end;
  }
  return blocks;
}

export const ALL = PAGES.flatMap((page) => blocksOf(page));

export const placeOf = ({ page, line }: Block): string => `${page}:${line}`;
