import { type Output, Terminal } from '../../src/cli/terminal.js';

/** What is needed of a terminal, and what was written to it. */
export class FakeTerminal implements Output {
  readonly isTTY: boolean = true;
  readonly columns: number;
  readonly #colors: boolean;
  text = '';

  constructor(columns: number, { colors = false }: { colors?: boolean } = {}) {
    this.columns = columns;
    this.#colors = colors;
  }

  write(text: string): void {
    this.text += text;
  }

  hasColors(): boolean {
    return this.#colors;
  }
}

/** What is written goes to a file, or a pipe. */
export class FakePipe implements Output {
  text = '';

  write(text: string): void {
    this.text += text;
  }
}

/** Both channels on one terminal of so many columns. */
export function terminalOf(columns: number): { terminal: Terminal; screen: FakeTerminal } {
  const screen = new FakeTerminal(columns);
  return { terminal: new Terminal(screen, screen), screen };
}
