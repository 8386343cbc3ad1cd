/** As long as trying may take, all together, milliseconds. */
const PATIENCE_MS = 2000;

/** The smallest size with this share of the highest rate is chosen: beyond it rows only wait longer. */
const NEARLY = 0.95;

/** Doubling that brings less than this, twice in a row, is the end of it. */
const WORTH = 1.05;

/**
 * Chooses `batch.size: auto`: the knee of the curve of rows a second over batch sizes.
 *
 * @param time how long a batch of so many rows takes, microseconds; Infinity where it does not fit into memory
 * @param most rows at most
 */
export async function chooseBatchSize(
  time: (rows: number) => Promise<number>,
  most: number,
): Promise<{ readonly size: number; readonly because: string }> {
  const rates: { readonly rows: number; readonly rate: number }[] = [];
  const begin = performance.now();
  let flat = 0;
  for (let rows = 1; rows <= most && flat < 2 && performance.now() - begin < PATIENCE_MS; rows *= 2) {
    const micros = await time(rows);
    if (micros === Number.POSITIVE_INFINITY) break;
    const rate = (rows / Math.max(micros, 1)) * 1e6;
    flat = rate < (rates.at(-1)?.rate ?? 0) * WORTH ? flat + 1 : 0;
    rates.push({ rows, rate });
  }
  const best = Math.max(...rates.map(({ rate }) => rate));
  const { rows: size, rate } = rates.find((one) => one.rate >= best * NEARLY) ?? { rows: 1, rate: 0 };
  const tried = rates.map(({ rows }) => rows);
  return {
    size,
    because: `the smallest of ${tried.join(', ')} with nearly the highest rate of the model, ${Math.round(rate)} rows a second`,
  };
}
