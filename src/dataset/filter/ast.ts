/** A value in a filter. Whole numbers beyond 2^53 are bigints. */
export type Literal = number | bigint | string | boolean;

export type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>=';

/** Where a part of a filter stands in its text. */
interface Placed {
  /** Of the column's name. */
  readonly at: number;
}

/** A filter as it is written: which columns there are, and of which types, is not known yet. */
export type Expression =
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'not'; readonly operand: Expression }
  | ({
      readonly kind: 'compare';
      readonly column: string;
      readonly op: Comparison;
      readonly value: Literal;
    } & Placed)
  | ({ readonly kind: 'in'; readonly column: string; readonly values: readonly Literal[] } & Placed)
  | ({ readonly kind: 'like'; readonly column: string; readonly pattern: string } & Placed)
  | ({ readonly kind: 'isNull'; readonly column: string } & Placed);

/** The columns that a filter looks at, each once. */
export function columnsOf(expression: Expression): string[] {
  switch (expression.kind) {
    case 'and':
    case 'or':
      return [...new Set([...columnsOf(expression.left), ...columnsOf(expression.right)])];
    case 'not':
      return columnsOf(expression.operand);
    default:
      return [expression.column];
  }
}
