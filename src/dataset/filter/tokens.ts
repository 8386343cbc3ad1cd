import { UsageError } from '../../util/errors.js';
import type { Literal } from './ast.js';

export type Token = { readonly at: number; readonly text: string } & (
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'literal'; readonly value: Literal }
  /** Upper case. */
  | { readonly kind: 'keyword' | 'symbol' | 'end' }
);

const KEYWORDS = new Set(['AND', 'OR', 'NOT', 'IN', 'LIKE', 'BETWEEN', 'IS', 'NULL']);

/** One alternative a kind of token. */
const TOKEN =
  /\s*(?:(?<number>(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)|(?<text>'(?:[^']|'')*')|(?<quoted>"(?:[^"]|"")*")|(?<word>[\p{L}_][\p{L}\p{N}_]*)|(?<symbol><=|>=|<>|!=|==|[=<>(),-]))/iuy;

/** Cuts a filter into tokens; the last is of kind `end`. */
export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  const end = source.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (match === null) {
      const at = from + (/\S/.exec(source.slice(from))?.index ?? 0);
      const open = source[at] === "'" || source[at] === '"';
      throw fault(source, at, open ? `the ${source[at]} is never closed` : `unexpected ${source[at]}`);
    }
    const text = match[0].trimStart();
    tokens.push({ at: from + match[0].length - text.length, ...tokenOf(text, match.groups ?? {}) });
  }
  return [...tokens, { kind: 'end', at: end, text: 'the end' }];
}

type Unplaced<T> = T extends unknown ? Omit<T, 'at'> : never;

function tokenOf(text: string, groups: Record<string, string | undefined>): Unplaced<Token> {
  const { number, quoted, word } = groups;
  if (number !== undefined) return { kind: 'literal', text, value: numberOf(number) };
  if (groups.text !== undefined) {
    return { kind: 'literal', text, value: text.slice(1, -1).replaceAll("''", "'") };
  }
  if (quoted !== undefined) return { kind: 'name', text, name: text.slice(1, -1).replaceAll('""', '"') };
  if (word === undefined) return { kind: 'symbol', text: text === '!=' ? '<>' : text === '==' ? '=' : text };
  const upper = word.toUpperCase();
  if (upper === 'TRUE' || upper === 'FALSE') return { kind: 'literal', text, value: upper === 'TRUE' };
  return KEYWORDS.has(upper) ? { kind: 'keyword', text: upper } : { kind: 'name', text, name: word };
}

function numberOf(text: string): Literal {
  const number = Number(text);
  return /^\d+$/.test(text) && !Number.isSafeInteger(number) ? BigInt(text) : number;
}

/** An error in the text of a filter: says where, counted from 1. */
export function fault(source: string, at: number, what: string, hint?: string): UsageError {
  const details = { key: 'source.filter', ...(hint !== undefined && { hint }) };
  return new UsageError(
    `source.filter: ${what} at character ${at + 1} of ${JSON.stringify(source)}`,
    details,
  );
}
