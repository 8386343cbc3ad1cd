import type { Command, Help, HelpConfiguration, OutputConfiguration } from 'commander';
import type { Colors, Terminal } from './terminal.js';
import { pad, widthOf, wrap } from './text.js';

/** A column of descriptions narrower than this is none: they stand below what they describe. */
const LEAST_COLUMN = 24;
const GAP = '  ';
/** Of what stands below something. */
const BELOW = ' '.repeat(6);

/** How commander lays out what it knows of a command, on terminals of any width. */
export function helpConfiguration(colors: Colors): HelpConfiguration {
  return {
    styleTitle: colors.bold,
    // commander itself wraps nothing that would be narrow, and the terminal then breaks words.
    minWidthToWrap: 1,
    formatItem: (term: string, termWidth: number, description: string, { helpWidth }: Help) =>
      item(term, termWidth, description, helpWidth ?? 80).join('\n'),
  };
}

/** Where help goes, how wide that is. */
export function helpOutput(terminal: Terminal): OutputConfiguration {
  return {
    // Errors are thrown, and shown as all others are.
    outputError: () => {},
    getOutHelpWidth: () => terminal.helpWidth('stdout'),
    getErrHelpWidth: () => terminal.helpWidth('stderr'),
  };
}

/**
 * What follows commander's own part of a help, for `addHelpText`: a text written for 80 columns, laid out for as many as
 * there are. Lines that begin with two spaces are commands, or other terms, each with what it is about behind two spaces or
 * more; all others make paragraphs.
 */
export function helpText(text: string): (context: { error: boolean; command: Command }) => string {
  return ({ error, command }) => {
    const { getErrHelpWidth, getOutHelpWidth } = command.configureOutput();
    return layOut(text, (error ? getErrHelpWidth : getOutHelpWidth)?.() ?? 80);
  };
}

/** See `helpText`. */
export function layOut(text: string, width: number): string {
  const lines: string[] = [];
  let paragraph: string[] = [];
  let items: [term: string, about: string][] = [];
  const flush = (): void => {
    if (paragraph.length > 0) lines.push(...wrap(paragraph.join(' '), width));
    const termWidth = Math.max(
      0,
      ...items.filter(([, about]) => about !== '').map(([term]) => widthOf(term)),
    );
    lines.push(...items.flatMap(([term, about]) => item(term, termWidth, about, width)));
    paragraph = [];
    items = [];
  };
  for (const line of text.split('\n')) {
    const [, term, about = ''] = /^ {2}(\S.*?)(?: {2,}(.*))?$/.exec(line) ?? [];
    const last = items.at(-1);
    if (term !== undefined) {
      if (paragraph.length > 0) flush();
      items.push([term, about]);
    } else if (last !== undefined && line.startsWith(BELOW)) {
      last[1] += ` ${line.trim()}`;
    } else {
      if (items.length > 0 || line === '') flush();
      if (line === '') lines.push('');
      else paragraph.push(line);
    }
  }
  flush();
  return lines.join('\n');
}

/** Two columns, or where the second would be narrow, what is told below. A term is never broken: it may be a command. */
function item(term: string, termWidth: number, about: string, width: number): string[] {
  if (about === '') return [`${GAP}${term}`];
  const column = width - termWidth - 2 * GAP.length;
  if (column < LEAST_COLUMN) {
    return [`${GAP}${term}`, ...wrap(about, width - BELOW.length).map((line) => BELOW + line)];
  }
  const [first = '', ...others] = wrap(about, column);
  const indent = ' '.repeat(termWidth + 2 * GAP.length);
  return [`${GAP}${pad(term, termWidth)}${GAP}${first}`, ...others.map((line) => indent + line)];
}
