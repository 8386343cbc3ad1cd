/** The value below which a share `q` of the values lies; between two values, in proportion. */
export function quantile(values, q) {
  const sorted = Float64Array.from(values).sort();
  const at = (sorted.length - 1) * q;
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below);
}

export const median = (values) => quantile(values, 0.5);

/** Element by element: what the second list was the baseline of. */
export const ratios = (values, baselines) => values.map((value, i) => value / baselines[i]);
