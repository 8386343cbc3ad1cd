import { MessageReader, type Schema } from 'apache-arrow';

/** The schema that an Arrow library wrote into the file's metadata; undefined where there is none, or none that can be read. */
export function arrowSchemaOf(keyValues: ReadonlyMap<string, string>): Schema | undefined {
  const encoded = keyValues.get('ARROW:schema');
  if (encoded === undefined) return undefined;
  try {
    // No more than a hint: the file can be read without.
    return new MessageReader(Buffer.from(encoded, 'base64')).readSchema() ?? undefined;
  } catch {
    return undefined;
  }
}
