import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { anchor } from '../../scripts/docs/markdown.mjs';
import { repository } from '../cli/penstock.js';
import { PAGES, read } from './blocks.js';

/** Links of a page, without those in code. */
function linksOf(page: string): string[] {
  const text = read(page)
    .replaceAll(/^ *```.*?^ *```/gms, '')
    .replaceAll(/`[^`\n]*`(?!\])/g, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

function anchorsOf(page: string): string[] {
  const text = read(page).replaceAll(/^ *```.*?^ *```/gms, '');
  const seen = new Map<string, number>();
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => {
    const name = anchor(heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1'));
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    return before === 0 ? name : `${name}-${before}`;
  });
}

test.each(PAGES)('links of %s lead somewhere', (page) => {
  const dead = linksOf(page).filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [path = '', fragment] = target.split('#');
    const file = path === '' ? page : relative(repository, join(repository, dirname(page), path));
    if (!existsSync(join(repository, file))) return true;
    return fragment !== undefined && file.endsWith('.md') && !anchorsOf(file).includes(fragment);
  });
  expect(dead).toEqual([]);
});

test('every page of the manual is in its index', () => {
  const linked = linksOf('docs/README.md').map((target) => target.split('#')[0]);
  const pages = PAGES.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
  expect(pages.filter((page) => !linked.includes(relative('docs', page)))).toEqual([]);
});
