import { RecordBatchStreamWriter, tableFromIPC } from 'apache-arrow';
import { takeRows } from '../dataset/take.js';
import { type DeadLetter, valuesIn } from '../produce/bad-rows.js';
import type { CompleteSplit, RejectedLetter } from './types.js';

/** A split without the rows that the model rejects, which join its dead letters with their kept columns. */
export function withoutRejected(split: CompleteSplit, rejected: readonly RejectedLetter[]): CompleteSplit {
  const { produced, outputs } = split;
  const letters = new Map(rejected.map(({ row, letter }) => [row, letter]));
  const found: DeadLetter[] = [];
  const batchRows: number[] = [];
  const keep: Uint8Array[] = [];
  const survivors: number[] = [];
  let before = 0;
  for (const [i, rows] of produced.batchRows.entries()) {
    const all = Array.from({ length: rows }, (_, row) => row);
    const kept = all.filter((row) => !letters.has(before + row));
    for (const row of kept) survivors.push(before + row);
    batchRows.push(kept.length);
    const bytes = produced.keep[i];
    const batch = bytes && tableFromIPC(bytes).batches[0];
    const columns = batch?.schema.fields.map(({ name }) => name) ?? [];
    for (const row of all) {
      const letter = letters.get(before + row);
      if (letter !== undefined) found.push({ ...letter, values: batch ? valuesIn(batch, columns, row) : {} });
    }
    if (batch !== undefined && kept.length === rows) keep.push(bytes as Uint8Array);
    else if (batch !== undefined) {
      const taken = takeRows(batch, Int32Array.from(kept));
      keep.push(RecordBatchStreamWriter.writeAll([taken]).toUint8Array(true));
    }
    before += rows;
  }
  const deadLetters = [...produced.deadLetters, ...found].sort((a, b) => a.row - b.row);
  return {
    produced: { ...produced, batchRows, keep, deadLetters },
    outputs: outputs.map((output) => ({ ...output, values: compact(output, survivors) })),
  };
}

function compact(
  { values, tensor: { rowSize } }: CompleteSplit['outputs'][number],
  rows: readonly number[],
): CompleteSplit['outputs'][number]['values'] {
  rows.forEach((row, to) => {
    if (row !== to) values.copyWithin(to * rowSize, row * rowSize, (row + 1) * rowSize);
  });
  return values.subarray(0, rows.length * rowSize);
}
