// @ts-check
// The reference of a file that users write, from its JSON Schema: every key with its type, default, meaning and example.
import { stringify } from 'yaml';
import { code, either, GENERATED, page } from './markdown.mjs';

/**
 * @typedef {object} Schema the keywords of draft-07 that are read here
 * @property {string | readonly string[]} [type]
 * @property {string} [description]
 * @property {Readonly<Record<string, Schema>>} [properties]
 * @property {Schema | boolean} [additionalProperties]
 * @property {Schema} [items]
 * @property {readonly string[]} [required]
 * @property {readonly unknown[]} [enum]
 * @property {unknown} [const]
 * @property {readonly Schema[]} [anyOf]
 * @property {readonly Schema[]} [allOf]
 * @property {Schema} [if]
 * @property {Schema} [then]
 * @property {unknown} [default]
 * @property {readonly unknown[]} [examples]
 * @property {number} [minimum]
 * @property {number} [exclusiveMinimum]
 * @property {number} [maximum]
 */

/** @typedef {{ readonly path: string, readonly name: string, readonly schema: Schema, readonly required: boolean }} Key */

/**
 * @param {object} about
 * @param {string} about.title
 * @param {readonly string[]} about.intro paragraphs and blocks in front
 * @param {Schema} about.schema
 * @param {Readonly<Record<string, string>>} [about.elsewhere] keys that are described on another page: path → a sentence
 */
export function keyReference({ title, intro, schema, elsewhere = {} }) {
  const blocks = keysOf(schema, '').flatMap((key) => [
    `## ${code(key.path)}`,
    ...entry(key),
    ...below(key, elsewhere),
  ]);
  return page([`# ${title}`, GENERATED, ...intro, ...blocks]);
}

/**
 * Every key that holds a value, not others: what a test may look at one by one.
 * @param {Schema} schema
 * @param {string} [path]
 * @returns {Key[]}
 */
export function leaves(schema, path = '') {
  return keysOf(schema, path).flatMap((key) => {
    const inner = innerOf(key);
    return inner === undefined ? [key] : leaves(inner.schema, inner.path);
  });
}

/**
 * @param {Key} key
 * @param {Readonly<Record<string, string>>} elsewhere
 * @returns {string[]}
 */
function below(key, elsewhere) {
  const inner = innerOf(key);
  if (inner === undefined) return [];
  return keysOf(inner.schema, inner.path).flatMap((one) => {
    const other = elsewhere[one.path];
    const options = one.name === 'options' ? (inner.schema.allOf ?? []).flatMap(optionsOfRuntime) : [];
    const text = [`### ${code(one.path)}`, ...entry(one), ...options];
    return other === undefined ? [...text, ...below(one, elsewhere)] : [...text, other];
  });
}

/**
 * The mapping inside of a key: its own, that of each name, or that of each item.
 * @param {Key} key
 * @returns {{ schema: Schema, path: string } | undefined}
 */
function innerOf({ schema, path }) {
  const { additionalProperties: each, items } = schema;
  if (schema.properties !== undefined) return { schema, path };
  if (typeof each === 'object' && each.properties !== undefined)
    return { schema: each, path: `${path}.NAME` };
  if (items?.properties !== undefined) return { schema: items, path: `${path}[]` };
  return undefined;
}

/**
 * @param {Schema} schema
 * @param {string} path
 * @returns {Key[]}
 */
function keysOf({ properties = {}, required = [] }, path) {
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    path: path === '' ? name : `${path}.${name}`,
    schema,
    required: required.includes(name),
  }));
}

/**
 * @param {Key} key
 * @returns {string[]}
 */
function entry(key) {
  const { name, schema } = key;
  const { description = '' } = schema;
  const facts = [typeInWords(schema), presence(key)].filter((fact) => fact !== '').join('; ');
  const shown = examplesOf(schema).map((value) => code(inYaml({ [name]: value })));
  return [
    `*${facts}.* ${description}`,
    ...(shown.length > 0 ? [`${shown.length === 1 ? 'Example' : 'Examples'}: ${shown.join(', ')}`] : []),
  ];
}

/**
 * Values that a key may have, for whoever wants to see one: what the schema says, or else a choice that is not the default.
 * @param {Schema} schema
 * @returns {readonly unknown[]}
 */
export function examplesOf({ type, examples, enum: words, default: usual }) {
  const choices = words ?? (type === 'boolean' ? [true, false] : []);
  return examples ?? choices.filter((choice) => choice !== usual).slice(0, 1);
}

/** @param {Key} key */
function presence({ required, schema }) {
  if (required) return 'required';
  if (isSection(schema)) return '';
  if (schema.default === undefined) return 'optional';
  const isEmpty = typeof schema.default === 'object' && Object.keys(schema.default ?? {}).length === 0;
  if (isEmpty && schema.default !== null) return 'by default empty';
  return `by default ${code(inYaml(schema.default))}`;
}

/** @param {Schema} schema */
function isSection({ properties }) {
  return properties !== undefined;
}

/**
 * In the words of people who write YAML.
 * @param {Schema} schema
 * @returns {string}
 */
export function typeInWords(schema) {
  const { type, minimum, exclusiveMinimum, maximum, items, anyOf, additionalProperties } = schema;
  if (anyOf !== undefined) return either(anyOf.map(typeInWords));
  if (schema.const !== undefined) return code(inYaml(schema.const));
  if (schema.enum !== undefined) return either(schema.enum.map((value) => code(inYaml(value))));
  if (Array.isArray(type)) return either(type.map((one) => typeInWords({ type: one })));
  switch (type) {
    case 'string':
      return 'text';
    case 'boolean':
      return 'true or false';
    case 'null':
      return '`null`';
    case 'integer':
    case 'number':
      return `${type === 'integer' ? 'a whole number' : 'a number'}${rangeInWords(minimum, maximum, exclusiveMinimum)}`;
    case 'array':
      return `a list of ${items === undefined ? 'anything' : plural(typeInWords(items))}`;
    case 'object':
      if (schema.properties !== undefined) return 'a mapping';
      return typeof additionalProperties === 'object' && additionalProperties.type !== undefined
        ? `a mapping, name → ${typeInWords(additionalProperties)}`
        : 'a mapping';
    default:
      return 'anything';
  }
}

/** @param {string} type */
function plural(type) {
  if (type === 'text') return 'texts';
  return type.replace(/^a (whole number|number|mapping|list)/, '$1s');
}

/** The largest of 32 bits: where a key has no other bound, it is none to speak of. */
const LARGEST = 2 ** 31 - 1;

/**
 * @param {number | undefined} minimum
 * @param {number | undefined} maximum
 * @param {number | undefined} above
 */
function rangeInWords(minimum, maximum, above) {
  if (above !== undefined) return ` above ${above}`;
  if (minimum !== undefined && maximum !== undefined && maximum < LARGEST)
    return ` from ${minimum} to ${maximum}`;
  return minimum === undefined || minimum < -1e9 ? '' : `, ${minimum} or more`;
}

/**
 * `model.options` has keys of its own for each runtime: `if` its name, `then` those.
 * @param {Schema} rule
 * @returns {string[]}
 */
function optionsOfRuntime({ if: condition, then }) {
  const runtime = condition?.properties?.runtime?.const;
  const options = then?.properties?.options;
  if (typeof runtime !== 'string' || options?.properties === undefined) return [];
  return [`Of the runtime ${code(runtime)}:`, optionLines(options.properties, '').join('\n')];
}

/**
 * @param {Readonly<Record<string, Schema>>} options
 * @param {string} indent
 * @returns {string[]}
 */
function optionLines(options, indent) {
  return Object.entries(options).flatMap(([name, option]) => [
    `${indent}- ${code(name)}: ${typeInWords(option)}.${option.description === undefined ? '' : ` ${option.description}`}`,
    ...optionLines(option.properties ?? {}, `${indent}  `),
  ]);
}

/** @param {unknown} value */
export function inYaml(value) {
  const text = stringify(value, { collectionStyle: 'flow', lineWidth: 0 })
    .trimEnd()
    .replaceAll('[ ', '[')
    .replaceAll(' ]', ']');
  // `{ size: 128 }` is how a mapping is written on one line; alone in a file it stands without braces.
  return typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.keys(value).length === 1
    ? text.replace(/^\{ (.*) \}$/s, '$1')
    : text;
}
