const MOST_CHARACTERS = 64;

/** What a client sent, in a message: never more than some of it. */
export function quoted(value: unknown): string {
  if (typeof value === 'string') {
    const text = value.length > MOST_CHARACTERS ? `${value.slice(0, MOST_CHARACTERS)}…` : value;
    return JSON.stringify(text);
  }
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
