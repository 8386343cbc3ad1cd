import type { Comparison, Expression, Literal } from './ast.js';
import { fault, type Token, tokenize } from './tokens.js';

const MAX_DEPTH = 200;
const FLIPPED: Readonly<Record<string, Comparison>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

/**
 * Parses a filter: comparisons of a column with a value, IN, BETWEEN, LIKE, IS NULL, joined by NOT, AND, OR (which bind in
 * this order) and parentheses, as in SQL.
 *
 * @throws UsageError that says where it is wrong and what was expected
 */
export function parseFilter(source: string): Expression {
  const parser = new Parser(source);
  return parser.whole();
}

class Parser {
  readonly #source: string;
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
    this.#tokens = tokenize(source);
  }

  whole(): Expression {
    const expression = this.#or();
    if (this.#peek.kind !== 'end') throw this.#expected('AND, OR or the end');
    return expression;
  }

  get #peek(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #accept(...texts: string[]): string | undefined {
    const { kind, text } = this.#peek;
    if ((kind !== 'keyword' && kind !== 'symbol') || !texts.includes(text)) return undefined;
    this.#next++;
    return text;
  }

  #expect(text: string): void {
    if (this.#accept(text) === undefined) throw this.#expected(text);
  }

  #expected(what: string): Error {
    const { at, text, kind } = this.#peek;
    return fault(this.#source, at, `expected ${what}, got ${kind === 'end' ? text : JSON.stringify(text)}`);
  }

  #or(): Expression {
    let left = this.#and();
    while (this.#accept('OR')) left = { kind: 'or', left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.#accept('AND')) left = { kind: 'and', left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    if (++this.#depth > MAX_DEPTH) throw fault(this.#source, this.#peek.at, 'nested too deeply');
    try {
      if (this.#accept('NOT')) return { kind: 'not', operand: this.#not() };
      if (this.#accept('(')) {
        const inner = this.#or();
        this.#expect(')');
        return inner;
      }
      return this.#predicate();
    } finally {
      this.#depth--;
    }
  }

  #predicate(): Expression {
    const token = this.#peek;
    if (token.kind !== 'name') return this.#flipped();
    this.#next++;
    const place = { column: token.name, at: token.at };
    if (this.#accept('IS')) {
      const negated = this.#accept('NOT') !== undefined;
      this.#expect('NULL');
      return negate(negated, { kind: 'isNull', ...place });
    }
    const op = this.#accept(...Object.keys(FLIPPED)) as Comparison | undefined;
    if (op !== undefined) return { kind: 'compare', op, value: this.#value(), ...place };
    const negated = this.#accept('NOT') !== undefined;
    if (this.#accept('IN')) {
      this.#expect('(');
      const values = [this.#value()];
      while (this.#accept(',')) values.push(this.#value());
      this.#expect(')');
      return negate(negated, { kind: 'in', values, ...place });
    }
    if (this.#accept('BETWEEN')) {
      const left: Expression = { kind: 'compare', op: '>=', value: this.#value(), ...place };
      this.#expect('AND');
      const right: Expression = { kind: 'compare', op: '<=', value: this.#value(), ...place };
      return negate(negated, { kind: 'and', left, right });
    }
    if (this.#accept('LIKE')) {
      const pattern = this.#peek;
      if (pattern.kind !== 'literal' || typeof pattern.value !== 'string')
        throw this.#expected("a pattern such as 'a%'");
      this.#next++;
      return negate(negated, { kind: 'like', pattern: pattern.value, ...place });
    }
    if (negated) throw this.#expected('IN, BETWEEN or LIKE');
    const { kind, text } = this.#peek;
    const ends = kind === 'end' || text === ')' || text === 'AND' || text === 'OR';
    if (!ends) throw this.#expected('a comparison, IN, BETWEEN, LIKE or IS NULL');
    // A column of booleans by itself.
    return { kind: 'compare', op: '=', value: true, ...place };
  }

  /** The value first, as in `3 < x`. */
  #flipped(): Expression {
    const { kind, text } = this.#peek;
    if (kind !== 'literal' && text !== '-') throw this.#expected('a column, a value, NOT or (');
    const value = this.#value();
    const op = this.#accept(...Object.keys(FLIPPED));
    if (op === undefined) throw this.#expected('=, <>, <, <=, > or >=');
    const column = this.#peek;
    if (column.kind !== 'name') throw this.#expected('a column');
    this.#next++;
    return { kind: 'compare', op: FLIPPED[op] as Comparison, value, column: column.name, at: column.at };
  }

  #value(): Literal {
    const minus = this.#accept('-') !== undefined;
    const token = this.#peek;
    if (token.kind === 'keyword' && token.text === 'NULL') {
      const hint = 'Nothing equals NULL; write IS NULL or IS NOT NULL.';
      throw fault(this.#source, token.at, 'a comparison with NULL', hint);
    }
    if (token.kind !== 'literal') {
      const quoting = token.kind === 'name' ? ' (text stands in \', and only columns in ")' : '';
      throw this.#expected(`a value${quoting}`);
    }
    if (minus && typeof token.value !== 'number' && typeof token.value !== 'bigint')
      throw this.#expected('a number');
    this.#next++;
    return minus ? -(token.value as number) : token.value;
  }
}

const negate = (negated: boolean, operand: Expression): Expression =>
  negated ? { kind: 'not', operand } : operand;
