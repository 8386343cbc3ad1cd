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

/**
 * The line through points that outliers do not move: its slope is the median of those between all pairs (Theil 1950,
 * Sen 1968). With its values at the first and the last point.
 */
export function growth(points) {
  const slopes = points.flatMap(([x, y], i) =>
    points.slice(i + 1).flatMap(([u, v]) => (u === x ? [] : [(v - y) / (u - x)])),
  );
  const slope = slopes.length === 0 ? 0 : median(slopes);
  const offset = median(points.map(([x, y]) => y - slope * x));
  return { slope, from: offset + slope * points[0][0], to: offset + slope * points.at(-1)[0] };
}
