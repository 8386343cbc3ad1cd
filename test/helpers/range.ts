/** So many whole numbers, one after another. */
export const range = (from: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + i);
