import { UsageError } from '../util/errors.js';
import { encodeArrowPart } from './arrow-part.js';
import { writeFileAtomically } from './atomic-file.js';
import { writeDeadLetters } from './dead-letters.js';
import type { CompleteSplit, Part, SinkTarget } from './types.js';

/** Formats by name: how a split becomes bytes. A new one is a file and a line here. */
const ENCODERS: Readonly<Record<string, (split: CompleteSplit) => Uint8Array>> = {
  arrow: encodeArrowPart,
};

/** @throws UsageError for a format that is not there */
export function checkFormat(format: string): void {
  if (format in ENCODERS || format === 'none') return;
  throw new UsageError(
    `sink.format: this version writes ${[...Object.keys(ENCODERS), 'none'].join(' and ')}, not ${format}`,
    { key: 'sink.format' },
  );
}

/** Writes a split as one part, whole and committed by a rename: a part with its final name is complete. */
export async function writePart({ directory, format }: SinkTarget, split: CompleteSplit): Promise<Part> {
  const encode = ENCODERS[format];
  if (encode === undefined) throw new TypeError(`no encoder for ${format}`);
  const bytes = encode(split);
  const { ordinal, batchRows, deadLetters } = split.produced;
  const file = `part-${String(ordinal).padStart(5, '0')}.${format}`;
  // Before the part: where that is, they are too.
  await writeDeadLetters(directory, { ordinal, letters: deadLetters });
  await writeFileAtomically(directory, file, bytes);
  const rows = batchRows.reduce((sum, count) => sum + count, 0);
  const part = { ordinal, file, rows, bytes: bytes.byteLength };
  return deadLetters.length === 0 ? part : { ...part, deadLettered: deadLetters.length };
}
