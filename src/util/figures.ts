/** How numbers look to people, wherever they are shown; plain functions. */

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0, signDisplay: 'negative' });
const TENTHS = new Intl.NumberFormat('en-US', {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
  signDisplay: 'negative',
});

/** `2,000` */
export function whole(value: number): string {
  return WHOLE.format(value);
}

/** `1 part`, `2,000 rows`. */
export function counted(value: number, noun: string): string {
  return `${whole(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** `14,085 rows/s`; below ten with a decimal. */
export function perSecond(value: number, unit: string): string {
  return `${value > 0 && value < 9.95 ? TENTHS.format(value) : whole(value)} ${unit}/s`;
}

/** A share of 0 to 1 as `82 %`. */
export function percent(share: number): string {
  return `${whole(share * 100)} %`;
}

/** A share of 0 to 1 as `81.8 %`. */
export function percentExact(share: number): string {
  return `${TENTHS.format(share * 100)} %`;
}

/** Decimal units, as disks and networks are sold: `1.6 MB`. */
export function bytes(value: number): string {
  const units = ['kB', 'MB', 'GB', 'TB'];
  let scaled = value / 1000;
  let unit = 0;
  // 999.95 would be shown as 1,000.0.
  while (scaled >= 999.95 && unit < units.length - 1) {
    scaled /= 1000;
    unit++;
  }
  return value < 1000 ? `${whole(value)} B` : `${TENTHS.format(scaled)} ${units[unit]}`;
}

/** `0.64 s`, `12.3 s`, `2 min 05 s`, `1 h 02 min`. */
export function duration(seconds: number): string {
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const rounded = Math.round(seconds);
  const pair = (small: number): string => String(small).padStart(2, '0');
  if (rounded < 3600) return `${Math.floor(rounded / 60)} min ${pair(rounded % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${whole(Math.floor(minutes / 60))} h ${pair(minutes % 60)} min`;
}

/** `0:05`, `1:02:03`: of one width from second to second, for a line that is redrawn. */
export function stopwatch(seconds: number): string {
  const rounded = Math.floor(seconds);
  const pair = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor(rounded / 60);
  if (minutes < 60) return `${minutes}:${pair(rounded % 60)}`;
  return `${Math.floor(minutes / 60)}:${pair(minutes % 60)}:${pair(rounded % 60)}`;
}

/** `3.04 ms`, `10.9 ms` */
export function millis(value: number): string {
  return `${value < 9.995 ? value.toFixed(2) : TENTHS.format(value)} ms`;
}

/** `1.92 ×`, `14.1 ×`, `232 ×`: how often one figure goes into another. */
export function times(ratio: number): string {
  const digits = ratio < 9.995 ? ratio.toFixed(2) : ratio < 99.95 ? ratio.toFixed(1) : whole(ratio);
  return `${digits} ×`;
}

/** A gain of 0.234 as `+23 %`, a loss with a true minus. */
export function gained(share: number): string {
  const text = percent(Math.abs(share));
  return share < 0 && text !== '0 %' ? `−${text}` : `+${text}`;
}
