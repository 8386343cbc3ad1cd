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

const GAP = '  ';

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
    let text = '';
    for (const [place, { text: plain, paint = (same: string) => same }] of cells.entries()) {
      if (room <= 0) break;
      const column = Math.min(room, widths[place] ?? 0);
      const fitting = truncate(plain, column);
      const space = ' '.repeat(column - widthOf(fitting));
      // Nothing is painted that is not there: escape sequences would keep the spaces behind it.
      const painted = fitting === '' ? '' : paint(fitting);
      text += columns[place]?.right ? `${space}${painted}` : `${painted}${space}`;
      room -= column + GAP.length;
      if (room > 0) text += GAP;
    }
    return text.trimEnd();
  };
  return [line(columns.map(({ title }) => ({ text: title, paint: paintTitle }))), ...rows.map(line)];
}
