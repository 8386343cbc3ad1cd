// @ts-check
// Which licences packages may have that are installed where Penstock runs.

/** They ask for no more than that their text goes along. SPDX's names. */
export const PERMISSIVE = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT'];

/**
 * Whether a package may be used by permissive licences alone. Of `MIT OR GPL-3.0-only` one may choose the former;
 * `MIT AND BSD-3-Clause` takes both.
 * @param {string | undefined} expression SPDX's, as package.json has it
 */
export function isPermissive(expression) {
  const words = expression?.match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;

  /** @returns {boolean} */
  function any() {
    let found = all();
    while (words[at] === 'OR') {
      at++;
      // All of it is read, whatever is known by now.
      found = all() || found;
    }
    return found;
  }
  /** @returns {boolean} */
  function all() {
    let found = one();
    while (words[at] === 'AND') {
      at++;
      found = one() && found;
    }
    return found;
  }
  /** @returns {boolean} */
  function one() {
    const word = words[at++];
    if (word !== '(') return word !== undefined && PERMISSIVE.includes(word);
    const found = any();
    return words[at++] === ')' && found;
  }

  const found = any();
  return found && at === words.length;
}
