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

/**
 * Places of the columns that fit into `room`, their gaps counted in their widths: as many as there is room for, those that
 * are worth least left out first.
 */
export function fitting(columns: readonly { width: number; worth: number }[], room: number): number[] {
  const places = columns.map((_, place) => place);
  const worth = (place: number): number => columns[place]?.worth ?? 0;
  const total = (): number => places.reduce((sum, place) => sum + (columns[place]?.width ?? 0), 0);
  while (places.length > 0 && total() > room) {
    const least = places.reduce((a, b) => (worth(b) < worth(a) ? b : a));
    places.splice(places.indexOf(least), 1);
  }
  return places;
}

/**
 * Lines of a table, its titles first: columns as wide as they must be, two spaces between them, no rules. Texts that do not
 * fit are cut, and end the line; a number is never cut.
 */
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
      const wanted = widths[place] ?? 0;
      if (room <= 0 || (columns[place]?.right && wanted > room)) break;
      const column = Math.min(room, wanted);
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
