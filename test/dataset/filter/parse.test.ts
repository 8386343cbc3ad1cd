import { describe, expect, it } from 'vitest';
import { columnsOf } from '../../../src/dataset/filter/ast.js';
import { parseFilter } from '../../../src/dataset/filter/parse.js';

const compare = (column: string, op: string, value: unknown) => ({ kind: 'compare', column, op, value });

describe('a filter', () => {
  it('binds NOT before AND before OR', () => {
    expect(parseFilter('a = 1 OR NOT b = 2 AND c = 3')).toMatchObject({
      kind: 'or',
      left: compare('a', '=', 1),
      right: {
        kind: 'and',
        left: { kind: 'not', operand: compare('b', '=', 2) },
        right: compare('c', '=', 3),
      },
    });
  });

  it.each([
    ["name <> 'it''s'", compare('name', '<>', "it's")],
    ['"a column" >= -1.5e3', compare('a column', '>=', -1500)],
    ['3 < x', compare('x', '>', 3)],
    ['x != 9007199254740993', compare('x', '<>', 9007199254740993n)],
    ['flag', compare('flag', '=', true)],
    ['((flag = FALSE))', compare('flag', '=', false)],
    ['x is not null', { kind: 'not', operand: { kind: 'isNull', column: 'x' } }],
    ['x NOT IN (1, 2)', { kind: 'not', operand: { kind: 'in', column: 'x', values: [1, 2] } }],
    ["größe like 'a%'", { kind: 'like', column: 'größe', pattern: 'a%' }],
    ['x BETWEEN 1 AND 2', { kind: 'and', left: compare('x', '>=', 1), right: compare('x', '<=', 2) }],
  ])('may be %s', (text, expected) => {
    expect(parseFilter(text)).toMatchObject(expected);
  });

  it('names each of its columns once', () => {
    expect(columnsOf(parseFilter("a = 1 AND (b > 2 OR NOT a < 3) AND c LIKE 'x'"))).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['', 'expected a column, a value, NOT or (, got the end at character 1 of ""'],
    ['a =', 'expected a value, got the end at character 4 of "a ="'],
    ['a = 1 AND', 'expected a column, a value, NOT or (, got the end at character 10'],
    ['a = b', `expected a value (text stands in ', and only columns in "), got "b" at character 5`],
    ['a = 1 b', 'expected AND, OR or the end, got "b" at character 7'],
    ['(a = 1', 'expected ), got the end at character 7'],
    ["a = 'x", "the ' is never closed at character 5"],
    ['a ? 1', 'unexpected ? at character 3'],
    ['a = NULL', 'a comparison with NULL at character 5'],
    ['a IN ()', 'expected a value, got ")" at character 7'],
    ['a NOT 3', 'expected IN, BETWEEN or LIKE, got "3" at character 7'],
    ['a LIKE 3', 'expected a pattern such as \'a%\', got "3" at character 8'],
    [`${'('.repeat(300)}a = 1`, 'nested too deeply at character 201'],
  ])('is refused where it is %s', (text, message) => {
    expect(() => parseFilter(text)).toThrow(`source.filter: ${message}`);
  });
});
