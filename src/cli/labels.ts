import type { Colors } from './terminal.js';
import { wrap } from './text.js';

export interface ReportStyle {
  readonly colors: Colors;
  /** Columns that text may take. */
  readonly width: number;
}

/** Columns of the labels, with the spaces around them. */
export const LABELS = 14;

/** A label, as wide as all of them. */
export function label(text: string, { colors }: ReportStyle): string {
  return colors.dim(`  ${text.padEnd(LABELS - 2)}`);
}

/** A line of the report: a label and a text beside it, wrapped into its own column. */
export function labelled(name: string, text: string, style: ReportStyle): string[] {
  return wrap(text, Math.max(20, style.width - LABELS)).map(
    (line, index) => `${label(index === 0 ? name : '', style)}${line}`,
  );
}
