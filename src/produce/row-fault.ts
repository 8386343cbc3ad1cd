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

/** What to do about a row at fault: whoever takes the first for fatal throws it, others remember them. */
export type ReportFault = (fault: RowFault) => void;

export const throwFault: ReportFault = (fault) => {
  throw fault;
};
