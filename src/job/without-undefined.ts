/** `limit: flags.limit` with no limit is how JavaScript leaves a key out. No section lies deeper than `depth`. */
export function withoutUndefined(value: unknown, depth: number): unknown {
  const isSection =
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof URL);
  if (depth === 0 || !isSection) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .map(([key, field]) => [key, withoutUndefined(field, depth - 1)]),
  );
}
