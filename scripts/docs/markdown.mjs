// @ts-check
// The few forms of Markdown that the generated references are made of.

export const GENERATED = '<!-- Written by `npm run docs`: edit the descriptions in src instead. -->';

/**
 * Text that may stand in a cell of a table: on one line, with bars that do not end it.
 * @param {string} text
 */
export function cell(text) {
  return text
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll('|', '\\|')
    .trim();
}

/**
 * @param {readonly string[]} head
 * @param {readonly (readonly string[])[]} rows
 */
export function table(head, rows) {
  const line = (/** @type {readonly string[]} */ cells) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/**
 * A word or a piece of code, as such.
 * @param {string} text
 */
export function code(text) {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/**
 * `a, b or c`.
 * @param {readonly string[]} words
 */
export function either(words) {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

/**
 * The anchor that GitHub gives a heading.
 * @param {string} heading
 */
export function anchor(heading) {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

/**
 * Blocks with an empty line between them, and one line end at the end.
 * @param {readonly (string | undefined | false)[]} blocks
 */
export function page(blocks) {
  return `${blocks.filter((block) => typeof block === 'string' && block !== '').join('\n\n')}\n`;
}
