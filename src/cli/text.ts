/** How lines look to people; plain functions. Those for numbers are handed on. */

export {
  bytes,
  counted,
  duration,
  millis,
  percent,
  percentExact,
  perSecond,
  stopwatch,
  whole,
} from '../util/figures.js';

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar of up to `width` columns, exact to an eighth of one; any share that is not shown as 0.0 % has some. */
export function bar(share: number, width: number): string {
  const wanted = Math.round(Math.min(1, share) * width * 8);
  const eighths = share < 0.0005 ? 0 : Math.max(1, wanted);
  return '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '');
}

/**
 * Breaks a text at spaces into lines of at most `width` columns; a longer word stands alone, and no sign parts from its
 * number.
 */
export function wrap(text: string, width: number): string[] {
  return filled(text.split(/ (?![%×])/), ' ', width);
}

/** Puts pieces into lines of at most `width` columns, `gap` between them; a wider piece stands alone. */
export function filled(pieces: readonly string[], gap: string, width: number): string[] {
  const lines: string[] = [];
  let line: string | undefined;
  for (const piece of pieces) {
    if (line !== undefined && widthOf(line) + gap.length + widthOf(piece) > width) {
      lines.push(line);
      line = piece;
    } else {
      line = line === undefined ? piece : line + gap + piece;
    }
  }
  return [...lines, line ?? ''];
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

/** A text with spaces behind it, as wide as `width` columns or wider. */
export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
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
