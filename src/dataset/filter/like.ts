/** What a pattern is made of: characters, any one character, any number of them. */
const ONE = Symbol('_');
const ANY = Symbol('%');
type Part = string | typeof ONE | typeof ANY;

/** A LIKE pattern, as a test of a whole text: % stands for any characters, _ for one, \ before one of these for itself. */
export function likeTest(pattern: string): (text: string) => boolean {
  const parts = partsOf(pattern);
  // Characters beyond U+FFFF are one character too, which only _ needs to know.
  if (parts.includes(ONE)) return (text) => matches(parts, [...text]);
  const units = parts.flatMap((part): Part[] => (typeof part === 'string' ? part.split('') : [part]));
  return (text) => matches(units, text);
}

/** What a text must begin with to match. */
export function likePrefix(pattern: string): string {
  return /^[^%_\\]*/.exec(pattern)?.[0] ?? '';
}

function partsOf(pattern: string): Part[] {
  const chars = [...pattern];
  const parts: Part[] = [];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i] as string;
    if (char === '\\' && i + 1 < chars.length) parts.push(chars[++i] as string);
    else parts.push(char === '%' ? ANY : char === '_' ? ONE : char);
  }
  return parts;
}

/** Only the last % is ever gone back to: time is text × pattern at the most, where a regular expression's is not bounded. */
function matches(parts: readonly Part[], text: ArrayLike<string>): boolean {
  let at = 0;
  let part = 0;
  let any = -1;
  let resume = 0;
  while (at < text.length) {
    if (parts[part] === ANY) {
      any = part++;
      resume = at;
    } else if (part < parts.length && (parts[part] === ONE || parts[part] === text[at])) {
      part++;
      at++;
    } else if (any >= 0) {
      part = any + 1;
      at = ++resume;
    } else return false;
  }
  while (parts[part] === ANY) part++;
  return part === parts.length;
}
