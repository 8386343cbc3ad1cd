import type { Colors } from './terminal.js';
import { pad, widthOf, wrap } from './text.js';

export interface ReportStyle {
  readonly colors: Colors;
  /** Columns that text may take. */
  readonly width: number;
  /** Columns that a table may take; as many as text where left out. */
  readonly tableWidth?: number;
}

/** Columns of the labels, with the spaces around them. */
export const LABELS = 14;

/** A label, as wide as all of them. */
export function label(text: string, { colors }: ReportStyle): string {
  return colors.dim(`  ${pad(text, LABELS - 2)}`);
}

/**
 * A line of the report: a label and a text beside it, wrapped into its own column. A label that is as wide as that, a name
 * that somebody chose, stands above.
 */
export function labelled(name: string, text: string, style: ReportStyle): string[] {
  const isWide = widthOf(name) > LABELS - 3;
  const lines = wrap(text, Math.max(20, style.width - LABELS)).map(
    (line, index) => `${label(index === 0 && !isWide ? name : '', style)}${line}`,
  );
  return isWide ? [style.colors.dim(`  ${name}`), ...lines] : lines;
}
