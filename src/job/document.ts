import { type Document, isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { messageOf } from '../util/errors.js';
import { formatKey, type KeyPath } from './wording.js';

/** A fault of the text itself, found before anything is known about jobs. */
export interface TextFault {
  readonly line: number;
  readonly key: KeyPath;
  readonly text: string;
}

export interface YamlText {
  /** Plain objects, lists and scalars; undefined where `faults` is not empty. */
  readonly value: unknown;
  readonly faults: readonly TextFault[];
  /** 1-based line of a key, or of the nearest section around it that is written. */
  lineOf(key: KeyPath): number;
}

/** Reads YAML 1.2, of which JSON is a part, and remembers where every key stands. `file`: what messages call it. */
export function readYaml(text: string, file = 'a job file'): YamlText {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const index = new KeyIndex(document);
  const lineAt = (offset: number): number => counter.linePos(offset).line;

  const faults = index.faults.map(({ offset, key, text }) => ({ line: lineAt(offset), key, text }));
  for (const { code, message, pos } of [...document.errors, ...document.warnings]) {
    const key = index.keyAt(pos[0]);
    faults.push({ line: lineAt(pos[0]), key, text: sentenceOf(code, message, key, file) });
  }
  let value: unknown;
  try {
    if (faults.length === 0) value = document.toJS();
  } catch (error) {
    // Aliases that multiply: the library counts them.
    faults.push({ line: 1, key: [], text: `not valid YAML: ${messageOf(error)}` });
  }
  return { value, faults, lineOf: (key) => lineAt(index.offsetOf(key)) };
}

function sentenceOf(code: string, message: string, key: KeyPath, file: string): string {
  if (code === 'DUPLICATE_KEY') return `${formatKey(key)} is written twice; keep one of them`;
  if (code === 'MULTIPLE_DOCS') return `a second document starts here; ${file} holds one`;
  return `not valid YAML: ${message}`;
}

/** Where the keys of a document stand, and those among them that YAML allows and we don't. */
class KeyIndex {
  readonly faults: { offset: number; key: KeyPath; text: string }[] = [];
  readonly #document: Document.Parsed;
  readonly #offsets = new Map<string, number>();
  readonly #keys = new Map<number, KeyPath>();
  /** The nodes around the one that is visited. */
  readonly #around: unknown[] = [];

  constructor(document: Document.Parsed) {
    this.#document = document;
    this.#visit(document.contents, []);
  }

  /** Of a key, or of the nearest section around it. */
  offsetOf(key: KeyPath): number {
    return this.#offsets.get(idOf(key)) ?? (key.length === 0 ? 0 : this.offsetOf(key.slice(0, -1)));
  }

  keyAt(offset: number): KeyPath {
    return this.#keys.get(offset) ?? [];
  }

  #visit(node: unknown, key: KeyPath): void {
    if (!this.#offsets.has(idOf(key))) this.#remember(key, startOf(node));
    this.#around.push(node);
    if (isAlias(node)) {
      const target = node.resolve(this.#document);
      if (target === undefined) this.#refuse(node, key, `*${node.source} has no anchor before it`);
      else if (this.#around.includes(target))
        this.#refuse(node, key, `*${node.source} stands inside of itself`);
    } else if (isMap(node)) {
      for (const pair of node.items) {
        if (isScalar(pair.key)) this.#visitPair(pair.key, pair.value, [...key, String(pair.key.value ?? '')]);
        else this.#refuse(pair.key, key, 'a key must be a plain word, not a mapping or a list');
      }
    } else if (isSeq(node)) {
      for (const [position, item] of node.items.entries()) this.#visit(item, [...key, position]);
    }
    this.#around.pop();
  }

  #visitPair(name: unknown, value: unknown, key: KeyPath): void {
    this.#remember(key, startOf(name));
    if (key.at(-1) === '__proto__') this.#refuse(name, key, `${formatKey(key)} is a name that can't be used`);
    this.#visit(value, key);
  }

  #remember(key: KeyPath, offset: number): void {
    this.#offsets.set(idOf(key), offset);
    this.#keys.set(offset, key);
  }

  #refuse(node: unknown, key: KeyPath, text: string): void {
    this.faults.push({ offset: startOf(node), key, text });
  }
}

function startOf(node: unknown): number {
  return (isNode(node) ? node.range?.[0] : undefined) ?? 0;
}

function idOf(key: KeyPath): string {
  return JSON.stringify(key.map(String));
}
