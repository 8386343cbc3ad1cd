import type { Data } from 'apache-arrow';
import { renderer } from './json-values.js';
import { partTable } from './part-table.js';
import type { CompleteSplit } from './types.js';

/** Text is turned into bytes in pieces of this many characters: strings have a limit that a part may pass. */
const PIECE_CHARS = 2 ** 20;

/** A split as lines of JSON, one object a row. */
export function encodeJsonlPart(split: CompleteSplit): Uint8Array {
  const { schema, batches } = partTable(split);
  const pieces: Buffer[] = [];
  let text = '';
  for (const batch of batches) {
    const members = schema.fields.map((field, i) => {
      const render = renderer(batch.data.children[i] as Data, field);
      const start = `${i === 0 ? '{' : ','}${JSON.stringify(field.name)}:`;
      return (row: number): string => start + render(row);
    });
    for (let row = 0; row < batch.numRows; row++) {
      for (const member of members) text += member(row);
      text += members.length === 0 ? '{}\n' : '}\n';
      if (text.length < PIECE_CHARS) continue;
      pieces.push(Buffer.from(text));
      text = '';
    }
  }
  pieces.push(Buffer.from(text));
  return Buffer.concat(pieces);
}
