import { truncate, widthOf } from './text.js';

export interface Column {
  readonly title: string;
  /** Numbers stand at the right. */
  readonly right?: boolean;
}

/** A cell: its text, and how it is painted. */
export interface Cell {
  readonly text: string;
  readonly paint?: (text: string) => string;
}

/** Lines of a table, its titles first: columns as wide as they must be, two spaces between them, no rules. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number,
  paintTitle: (text: string) => string,
): string[] {
  const widths = columns.map(({ title }, place) =>
    Math.max(widthOf(title), ...rows.map((row) => widthOf(row[place]?.text ?? ''))),
  );
  const line = (cells: readonly Cell[]): string => {
    let room = width;
    return cells
      .map(({ text, paint = (plain) => plain }, place) => {
        const fitting = truncate(text, Math.max(0, room));
        const isLast = place === cells.length - 1;
        const space = ' '.repeat(Math.max(0, Math.min(room, widths[place] ?? 0) - widthOf(fitting)));
        room -= (widths[place] ?? 0) + 2;
        if (columns[place]?.right) return `${space}${paint(fitting)}`;
        return `${paint(fitting)}${isLast ? '' : space}`;
      })
      .join('  ')
      .trimEnd();
  };
  return [line(columns.map(({ title }) => ({ text: title, paint: paintTitle }))), ...rows.map(line)];
}
