import pc from 'picocolors';
import { wrap } from './text.js';

export type Colors = ReturnType<typeof pc.createColors>;

/** What is needed of process.stdout and process.stderr. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
  hasColors?(): boolean;
}

/** Lines longer than this are hard to read, however wide the terminal. */
const WIDEST_TEXT = 100;
/** Columns of help that goes to no terminal. */
const HELP_TEXT = 80;
/** Columns of a table that goes to no terminal. */
const WIDE_TABLE = 160;
/** Of the second line of a sentence. */
const INDENT = '  ';

/** The two channels of a command: documents for programs on stdout, everything for people on stderr. */
export class Terminal {
  readonly colors: Colors;
  readonly #stdout: Output;
  readonly #stderr: Output;
  #liveLine = false;
  /** Lines of the block that is drawn; whatever is printed leaves it as it is. */
  #blockLines = 0;

  constructor(stdout: Output, stderr: Output) {
    this.#stdout = stdout;
    this.#stderr = stderr;
    this.colors = pc.createColors(wantsColors(stderr, process.env));
  }

  /** Whether a line can be drawn and drawn again. */
  get isLive(): boolean {
    return this.#stderr.isTTY === true && process.env.TERM !== 'dumb';
  }

  /** Columns that a line may have without wrapping. */
  get columns(): number {
    // Some pseudo terminals say 0.
    return (this.#stderr.columns || 80) - 1;
  }

  /** Columns for text that is wrapped. */
  get textWidth(): number {
    return this.#stderr.isTTY ? Math.min(this.columns, WIDEST_TEXT) : WIDEST_TEXT;
  }

  /** Columns for sentences that logs keep on one line; undefined where this is no terminal. */
  get sentenceWidth(): number | undefined {
    return this.#stderr.isTTY ? this.textWidth : undefined;
  }

  /** Columns for tables, which are as wide as what is in them. */
  get tableWidth(): number {
    return this.#stderr.isTTY ? this.columns : WIDE_TABLE;
  }

  /** How reports look on it. */
  get style(): { readonly colors: Colors; readonly width: number; readonly tableWidth: number } {
    return { colors: this.colors, width: this.textWidth, tableWidth: this.tableWidth };
  }

  /** Columns for help, which goes to stdout where somebody asked for it. */
  helpWidth(channel: 'stdout' | 'stderr'): number {
    const { isTTY, columns } = channel === 'stdout' ? this.#stdout : this.#stderr;
    return isTTY ? Math.min((columns || HELP_TEXT) - 1, WIDEST_TEXT) : HELP_TEXT;
  }

  /** Lines for people. */
  print(text: string): void {
    this.erase();
    this.#blockLines = 0;
    this.#stderr.write(`${text}\n`);
  }

  /** A sentence for people: a line of a log, or as many of a terminal as it takes. */
  say(sentence: string, paint = (text: string): string => text): void {
    const width = this.sentenceWidth ?? Number.POSITIVE_INFINITY;
    const lines = wrap(sentence, width - INDENT.length).map(paint);
    this.print(lines.join(`\n${INDENT}`));
  }

  /** Takes the line that the cursor is in for our own: the terminal itself writes `^C` into it. */
  takeLine(): void {
    this.#liveLine ||= this.isLive;
  }

  /** Draws lines in place of those before, as many as there is room for. */
  drawBlock(text: string): void {
    const room = Math.max(1, (this.#stderr.rows || 24) - 1);
    const lines = text.split('\n');
    const shown = lines.length > room ? [...lines.slice(0, room - 1), '…'] : lines;
    const up = this.#blockLines === 0 ? '' : `\x1b[${this.#blockLines}A`;
    this.#stderr.write(`${up}\r\x1b[J${shown.join('\n')}\n`);
    this.#blockLines = shown.length;
  }

  /** Draws the live line, in place of the one before. */
  draw(line: string): void {
    this.#stderr.write(`\r${line}\x1b[K`);
    this.#liveLine = true;
  }

  erase(): void {
    if (this.#liveLine) this.#stderr.write('\r\x1b[K');
    this.#liveLine = false;
  }

  /** A text that is made to be read by a program, or put into a file. */
  text(text: string): void {
    this.erase();
    this.#stdout.write(text);
  }

  /** The one document of a command. */
  document(value: unknown): void {
    // The live line and the document may share a terminal.
    this.erase();
    this.#stdout.write(`${JSON.stringify(value, null, 2)}\n`);
  }
}

/** https://no-color.org and https://force-color.org: what the user says comes before what a terminal can. */
function wantsColors(
  output: Output,
  { NO_COLOR: no = '', FORCE_COLOR: forced = '' }: NodeJS.ProcessEnv,
): boolean {
  if (no !== '') return false;
  if (forced !== '') return !['0', 'false'].includes(forced);
  // Node asks TERM, among others.
  return output.isTTY === true && output.hasColors?.() === true;
}
