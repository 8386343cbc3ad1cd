import { type Data, DataType, type Field, Vector } from 'apache-arrow';
import type { StoredObject } from '../storage/types.js';
import { messageOf } from '../util/errors.js';
import { checkValues } from './arrow-check.js';
import { corrupt } from './arrow-errors.js';
import { remade } from './remade.js';

/** The values of a dictionary, as a field of their own. */
interface Wanted {
  readonly field: Field;
  /** Whether its values refer to other dictionaries. */
  readonly nested: boolean;
}

/** The dictionaries that some fields need, as far as they have been read. */
export class Dictionaries {
  readonly #object: StoredObject;
  /** By id; those that others refer to come before them. */
  readonly #wanted = new Map<number, Wanted>();
  readonly #chunks = new Map<number, Data[]>();
  /** As of now; made anew when it is asked for after a change, and never changed after that. */
  #vectors: ReadonlyMap<number, Vector> | undefined;

  constructor(object: StoredObject, fields: readonly Field[]) {
    this.#object = object;
    for (const field of fields) this.#collect(field, []);
  }

  /** @param within ids of the dictionaries in whose values the field is */
  #collect(field: Field, within: readonly number[]): void {
    const { type } = field;
    if (!DataType.isDictionary(type)) {
      for (const child of type.children ?? []) this.#collect(child, within);
      return;
    }
    const { id, dictionary } = type;
    if (within.includes(id)) throw this.#broken(`dictionary ${id} refers to itself`);
    const known = this.#wanted.get(id);
    if (known !== undefined && String(known.field.type) !== String(dictionary)) {
      throw this.#broken(`dictionary ${id} is said to hold ${known.field.type}, and ${dictionary} elsewhere`);
    }
    for (const child of dictionary.children ?? []) this.#collect(child, [...within, id]);
    this.#wanted.set(id, { field: field.clone({ type: dictionary }), nested: refersToOthers(dictionary) });
  }

  #broken(what: string): Error {
    return corrupt(this.#object, what);
  }

  get size(): number {
    return this.#wanted.size;
  }

  /** Ids in an order in which none refers to one behind it. */
  get ids(): number[] {
    return [...this.#wanted.keys()];
  }

  /** What the values of a dictionary are; undefined where no wanted field needs them. */
  fieldOf(id: number): Field | undefined {
    return this.#wanted.get(id)?.field;
  }

  has(id: number): boolean {
    return this.#chunks.has(id);
  }

  /** Takes the values of a dictionary, or of one more piece of it. */
  add(id: number, data: Data, isDelta: boolean): void {
    const before = this.#chunks.get(id);
    if (isDelta && before !== undefined) before.push(data);
    else this.#chunks.set(id, [data]);
    this.#vectors = undefined;
  }

  /**
   * The dictionaries as they are now.
   *
   * @throws DataError where one is missing
   */
  get vectors(): ReadonlyMap<number, Vector> {
    for (const [id, { field }] of this.#wanted) {
      if (this.#chunks.has(id)) continue;
      throw this.#broken(`the dictionary of column ${JSON.stringify(field.name)} is missing`);
    }
    return this.known;
  }

  /** The same, without those that have not been read yet. */
  get known(): ReadonlyMap<number, Vector> {
    this.#vectors ??= this.#link();
    return this.#vectors;
  }

  #link(): ReadonlyMap<number, Vector> {
    const vectors = new Map<number, Vector>();
    for (const [id, { field, nested }] of this.#wanted) {
      const chunks = this.#chunks.get(id);
      if (chunks === undefined) continue;
      // Those that it refers to may have changed since it was read.
      const current = nested ? chunks.map((data) => linked(data, vectors)) : [...chunks];
      try {
        if (nested) for (const data of current) checkValues(data);
      } catch (cause) {
        const column = JSON.stringify(field.name);
        throw corrupt(this.#object, `the dictionary of column ${column}: ${messageOf(cause)}`, cause);
      }
      vectors.set(id, new Vector(current));
    }
    return vectors;
  }
}

function refersToOthers({ children }: DataType): boolean {
  return (children ?? []).some(({ type }: Field) => DataType.isDictionary(type) || refersToOthers(type));
}

/** The same data with the dictionaries that it refers to as they are in `vectors`. */
function linked(data: Data, vectors: ReadonlyMap<number, Vector>): Data {
  const { type } = data;
  const dictionary = DataType.isDictionary(type) ? vectors.get(type.id) : undefined;
  return remade(data, { dictionary, children: data.children.map((child) => linked(child, vectors)) });
}
