import { closeSync, openSync, readSync } from 'node:fs';

/*
 * Which libraries a library needs, as its own dynamic section says (readelf -d): elf(5), 64 bits, little-endian. Reads
 * some kilobytes, whatever the size of the file.
 */
const PT_LOAD = 1;
const PT_DYNAMIC = 2;
const DT_NEEDED = 1n;
const DT_STRTAB = 5n;
const DT_STRSZ = 10n;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly bytes: number;
}

/** Undefined for a file that is not there or no such library. */
export function neededLibraries(file: string): string[] | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return undefined;
  }
  try {
    const at = (offset: number, length: number): Buffer => {
      const bytes = Buffer.alloc(length);
      if (readSync(descriptor, bytes, 0, length, offset) !== length) throw new RangeError('cut short');
      return bytes;
    };
    return needed(at);
  } catch {
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

function needed(at: (offset: number, length: number) => Buffer): string[] | undefined {
  const header = at(0, 64);
  // 2: 64 bits; 1: little-endian.
  if (header.toString('latin1', 0, 4) !== '\x7fELF' || header[4] !== 2 || header[5] !== 1) return undefined;
  const segments = segmentsOf(header, at);
  const dynamic = segments.find(({ type }) => type === PT_DYNAMIC);
  if (dynamic === undefined) return [];
  const entries = at(dynamic.offset, dynamic.bytes);
  const names: number[] = [];
  let [table, size] = [0, 0];
  for (let i = 0; i + 16 <= entries.length; i += 16) {
    const tag = entries.readBigInt64LE(i);
    const value = Number(entries.readBigUInt64LE(i + 8));
    if (tag === DT_NEEDED) names.push(value);
    if (tag === DT_STRTAB) table = value;
    if (tag === DT_STRSZ) size = value;
  }
  const home = segments.find(
    ({ type, address, bytes }) => type === PT_LOAD && table >= address && table < address + bytes,
  );
  if (home === undefined) return undefined;
  const texts = at(home.offset + table - home.address, size);
  return names.map((start) => texts.toString('latin1', start, texts.indexOf(0, start)));
}

function segmentsOf(header: Buffer, at: (offset: number, length: number) => Buffer): Segment[] {
  const [size, count] = [header.readUInt16LE(54), header.readUInt16LE(56)];
  const table = at(Number(header.readBigUInt64LE(32)), size * count);
  return Array.from({ length: count }, (_, i) => ({
    type: table.readUInt32LE(i * size),
    offset: Number(table.readBigUInt64LE(i * size + 8)),
    address: Number(table.readBigUInt64LE(i * size + 16)),
    bytes: Number(table.readBigUInt64LE(i * size + 32)),
  }));
}
