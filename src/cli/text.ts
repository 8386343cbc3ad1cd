/** How numbers and lines look to people; plain functions. */

const WHOLE = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const TENTHS = new Intl.NumberFormat('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 });

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

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of up to `width` columns, exact to an eighth of one; any share that is not shown as 0.0 % has some. */
export function bar(share: number, width: number): string {
  const wanted = Math.round(Math.min(1, share) * width * 8);
  const eighths = share < 0.0005 ? 0 : Math.max(1, wanted);
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
}

/** Breaks a text at spaces into lines of at most `width` columns; a longer word stands alone. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && widthOf(line) + 1 + widthOf(word) > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}！-｠]/u;
const NO_WIDTH = /[\p{Mark}\p{Cf}]/u;

/** Columns that a text without escape sequences takes on a terminal. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += NO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** A text cut to `width` columns, with an ellipsis where something is missing. */
export function truncate(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  let columns = 1;
  for (const character of text) {
    columns += widthOf(character);
    if (columns > width) break;
    kept += character;
  }
  return width < 1 ? '' : `${kept}…`;
}

/** A name that somebody else chose, fit for a terminal: no line breaks, no escape sequences. */
export function printable(name: string): string {
  return name.replace(/\p{Cc}/gu, '?');
}
