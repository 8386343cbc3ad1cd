/** A row that can't become a row of a tensor. Whoever knows the file adds it, and the row's number there. */
export class RowFault extends Error {
  /** In the record batch. */
  readonly row: number;
  readonly column: string;

  constructor(row: number, column: string, reason: string) {
    super(reason);
    this.row = row;
    this.column = column;
  }
}
