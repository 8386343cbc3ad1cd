// @ts-check
// The reference of a JSON document that Penstock prints, from the type of it: every field with its type and meaning.
import ts from 'typescript';
import { code, table } from './markdown.mjs';
import { docOf } from './program.mjs';

/**
 * @typedef {object} Field
 * @property {string} path dotted, `devices[].busy`
 * @property {string} type
 * @property {string} doc
 */

/**
 * All fields of a document, in their order; those of objects in it after the object itself.
 * @param {import('./program.mjs').Declarations} declarations
 * @param {ts.Symbol} document the interface of it
 * @param {ReadonlyMap<ts.Symbol, string>} [elsewhere] types that are told of at another place, and where
 * @returns {Field[]}
 */
export function fieldsOf({ checker }, document, elsewhere = new Map()) {
  return fields(checker.getDeclaredTypeOfSymbol(document), '');

  /**
   * @param {ts.Type} type
   * @param {string} path
   * @returns {Field[]}
   */
  function fields(type, path) {
    return checker.getPropertiesOfType(type).flatMap((property) => {
      const declared = checker.getTypeOfSymbol(property);
      const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0;
      const name = path === '' ? property.name : `${path}.${property.name}`;
      const { inner, suffix, orNull } = open(declared);
      const place = inner.symbol && elsewhere.get(inner.symbol);
      const isDocument = isObject(inner) && place === undefined;
      const words = place ?? (isDocument ? objectInWords(suffix) : typeInWords(declared));
      const type = [
        words,
        orNull && (isDocument || place !== undefined) ? 'or `null`' : '',
        isOptional ? '(may be left out)' : '',
      ]
        .filter((word) => word !== '')
        .join(' ');
      const doc = docOf(property, checker) || (isDocument ? docOf(inner.symbol, checker) : '');
      const at = isDocument || place !== undefined ? name + suffix : name;
      return [{ path: at, type, doc }, ...(isDocument ? fields(inner, at) : [])];
    });
  }

  /**
   * What is in lists and beside null.
   * @param {ts.Type} type
   * @returns {{ inner: ts.Type, suffix: string, orNull: boolean }}
   */
  function open(type) {
    const isNull = (/** @type {ts.Type} */ one) => (one.flags & ts.TypeFlags.Null) !== 0;
    const isMissing = (/** @type {ts.Type} */ one) => (one.flags & ts.TypeFlags.Undefined) !== 0;
    const parts = type.isUnion() ? type.types.filter((one) => !isMissing(one)) : [type];
    const rest = parts.filter((one) => !isNull(one));
    const orNull = rest.length < parts.length;
    const [only] = rest;
    if (only === undefined || rest.length > 1) return { inner: type, suffix: '', orNull };
    if (!checker.isArrayType(only)) return { inner: only, suffix: '', orNull };
    const [item] = checker.getTypeArguments(/** @type {ts.TypeReference} */ (only));
    const inside = open(/** @type {ts.Type} */ (item));
    return { inner: inside.inner, suffix: `[]${inside.suffix}`, orNull };
  }

  /** @param {ts.Type} type */
  function isObject(type) {
    return (
      (type.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) !== 0 &&
      checker.getPropertiesOfType(type).length > 0 &&
      !checker.isArrayType(type) &&
      !checker.isTupleType(type)
    );
  }

  /** @param {ts.Type} type */
  function typeInWords(type) {
    const parts = type.isUnion()
      ? type.types.filter((one) => (one.flags & ts.TypeFlags.Undefined) === 0)
      : [type];
    const words = new Set(parts.map(word));
    const isBoolean = words.has('true') && words.has('false');
    const shown = isBoolean
      ? ['boolean', ...[...words].filter((one) => one !== 'true' && one !== 'false')]
      : [...words];
    return code(shown.sort((a, b) => Number(a === 'null') - Number(b === 'null')).join(' | '));
  }

  /** @param {ts.Type} type */
  function word(type) {
    const flags = ts.TypeFormatFlags.InTypeAlias | ts.TypeFormatFlags.NoTruncation;
    return checker
      .typeToString(type, undefined, flags)
      .replaceAll(/\breadonly /g, '')
      .replaceAll('[x: string]', '[name]')
      .replaceAll('; }', ' }')
      .replaceAll('"', "'");
  }
}

/** @param {string} suffix */
function objectInWords(suffix) {
  return suffix === '' ? 'object' : 'list of objects';
}

/**
 * Fields as tables: those of the document itself, then those of each object in it under a heading.
 * @param {readonly Field[]} fields
 * @param {string} level of headings: `###`
 * @returns {string[]}
 */
export function fieldTables(fields, level) {
  const head = ['field', 'type', 'meaning'];
  const rows = (/** @type {readonly Field[]} */ some) =>
    table(
      head,
      some.map(({ path, type, doc }) => [code(path), type, doc]),
    );
  const [top, ...groups] = grouped(fields);
  return [
    rows(top ?? []),
    ...groups.flatMap(([object, ...inner]) =>
      object === undefined
        ? []
        : [
            `${level} ${code(object.path)}`,
            [sentence(object.type), object.doc].filter(Boolean).join(' '),
            rows(inner),
          ],
    ),
  ];
}

/**
 * First the plain fields of the document, then each object of it with all that is in it.
 * @param {readonly Field[]} fields
 */
function grouped(fields) {
  const isObject = (/** @type {Field} */ { type }) => /^(list of objects|object)/.test(type);
  /** @type {Field[][]} */
  const groups = [[]];
  let open = false;
  for (const field of fields) {
    const isTop = !field.path.replace(/\[\]$/, '').includes('.');
    if (isTop) open = isObject(field);
    if (isTop && open) groups.push([field]);
    else (open ? groups.at(-1) : groups[0])?.push(field);
  }
  return groups;
}

/** @param {string} type */
function sentence(type) {
  return type === 'object' ? '' : `*${type}.*`;
}
