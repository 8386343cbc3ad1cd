import { Field, FixedSizeList, List, Map_, Schema, Struct } from 'apache-arrow';
import type { SchemaElement } from 'hyparquet';
import { DataError } from '../../util/errors.js';
import { type ArrowHint, arrowHints } from './arrow-hint.js';
import type { ParquetFooter } from './footer.js';
import { type LeafType, leafType } from './leaf-type.js';

/** A column as it is stored: the leaves of the schema's tree, in the order of the row groups' column chunks. */
export interface LeafColumn {
  /** Place among the column chunks of a row group. */
  readonly index: number;
  readonly path: readonly string[];
  readonly type: LeafType;
  /** The definition level of a value that is there. */
  readonly maxDef: number;
  readonly maxRep: number;
}

/**
 * A node of the schema's tree. Its elements are those entries of its leaves whose definition level is at least `slotDef`
 * and whose repetition level is at most `rep`; those are not null whose definition level is at least `def`.
 */
export type SchemaNode = {
  readonly field: Field;
  readonly slotDef: number;
  readonly rep: number;
  readonly def: number;
} & (
  | { readonly kind: 'leaf'; readonly leaf: LeafColumn }
  | { readonly kind: 'struct'; readonly children: readonly SchemaNode[] }
  /** `size` where all lists are of one length. */
  | { readonly kind: 'list'; readonly child: SchemaNode; readonly size: number | undefined }
);

export interface ParquetSchema {
  readonly schema: Schema;
  /** One a column. */
  readonly nodes: readonly SchemaNode[];
  /** How many column chunks a row group has. */
  readonly leaves: number;
}

const MAX_DEPTH = 32;

/** @throws DataError where a column is of a type that is not supported; RangeError where the tree is none */
export function parquetSchema(footer: ParquetFooter, file: string): ParquetSchema {
  const { elements } = footer;
  const hints = arrowHints(footer.keyValues);
  const builder = new TreeBuilder(elements, file);
  const count = elements[0]?.num_children ?? 0;
  const nodes: SchemaNode[] = [];
  for (let i = 0; i < count; i++) {
    const hint = hints.get(elements[builder.next]?.name ?? '');
    nodes.push(builder.node({ def: 0, rep: 0, slotDef: 0, path: [], hint, depth: 1 }));
  }
  if (builder.next !== elements.length) throw new RangeError('its schema is no tree');
  const metadata = new Map([...footer.keyValues].filter(([key]) => key !== 'ARROW:schema'));
  return {
    schema: new Schema(
      nodes.map(({ field }) => field),
      metadata,
    ),
    nodes,
    leaves: builder.leaves,
  };
}

/** Where in the tree a node stands. */
interface Place {
  readonly def: number;
  readonly rep: number;
  readonly slotDef: number;
  readonly path: readonly string[];
  /** What the type was in Arrow, where the file says so. */
  readonly hint: ArrowHint | undefined;
  readonly depth: number;
}

class TreeBuilder {
  readonly #elements: readonly SchemaElement[];
  readonly #file: string;
  next = 1;
  leaves = 0;

  constructor(elements: readonly SchemaElement[], file: string) {
    this.#elements = elements;
    this.#file = file;
  }

  node(place: Place): SchemaNode {
    const element = this.#take(place);
    const path = [...place.path, element.name];
    if (element.repetition_type !== 'REPEATED') {
      const nullable = element.repetition_type === 'OPTIONAL';
      return this.#body(element, { ...place, path, def: place.def + (nullable ? 1 : 0) }, nullable);
    }
    // A repeated field outside of a LIST: a list that is never null, of elements that are never null.
    return this.#list(element.name, { ...place, path }, false, (inner) => this.#body(element, inner, false));
  }

  #take({ depth }: Place): SchemaElement {
    const element = this.#elements[this.next++];
    if (element === undefined || depth > MAX_DEPTH) throw new RangeError('its schema is no tree');
    return element;
  }

  #body(element: SchemaElement, place: Place, nullable: boolean): SchemaNode {
    const { name } = element;
    if (element.type !== undefined) return this.#leaf(element, place, nullable);
    const said = element.logical_type?.type ?? element.converted_type;
    const repeated = this.#elements[this.next];
    const one = element.num_children === 1 && repeated?.repetition_type === 'REPEATED';
    if (one && said === 'LIST') {
      return this.#list(name, place, nullable, (inner) => this.#element(element, inner));
    }
    if (one && (said === 'MAP' || said === 'MAP_KEY_VALUE') && repeated.num_children === 2) {
      const list = this.#list(name, place, nullable, (inner) => {
        const entries = this.#take(inner);
        return this.#struct(entries, { ...inner, path: [...inner.path, entries.name] }, false);
      }) as SchemaNode & { kind: 'list' };
      const entries = list.child.field.clone({ name: 'entries' });
      return { ...list, field: new Field(name, new Map_(entries as never), nullable) };
    }
    return this.#struct(element, place, nullable);
  }

  #leaf(element: SchemaElement, place: Place, nullable: boolean): SchemaNode {
    const { def, rep, slotDef, path } = place;
    const type = leafType(element);
    if (type === undefined) {
      const what = [element.type, element.logical_type?.type ?? element.converted_type].filter(Boolean);
      throw new DataError(
        `${this.#file}: column ${JSON.stringify(path.join('.'))} is of type ${what.join(' ')}, which is not supported`,
        { file: this.#file, column: path.join('.') },
      );
    }
    const leaf = { index: this.leaves++, path, type, maxDef: def, maxRep: rep };
    const field = new Field(element.name, type.arrow, nullable);
    return { kind: 'leaf', field, slotDef, rep, def, leaf };
  }

  #struct(element: SchemaElement, place: Place, nullable: boolean): SchemaNode {
    const { def, rep, slotDef, depth } = place;
    const count = element.num_children ?? 0;
    if (count === 0) throw new RangeError(`its column ${JSON.stringify(element.name)} has no type`);
    const children = Array.from({ length: Math.min(count, this.#elements.length) }, () =>
      this.node({ ...place, hint: undefined, depth: depth + 1 }),
    );
    const type = new Struct(children.map(({ field }) => field));
    return { kind: 'struct', field: new Field(element.name, type, nullable), slotDef, rep, def, children };
  }

  #list(name: string, place: Place, nullable: boolean, make: (inner: Place) => SchemaNode): SchemaNode {
    const { def, rep, slotDef, hint, depth } = place;
    const inner = {
      ...place,
      def: def + 1,
      rep: rep + 1,
      slotDef: def + 1,
      hint: hint?.element,
      depth: depth + 1,
    };
    const child = make(inner);
    // Parquet knows no lists of a fixed size. A null one takes elements in Arrow and none in Parquet: only numbers are filled in.
    const fills =
      !nullable ||
      (child.kind === 'leaf' && child.leaf.type.width > 0 && child.leaf.type.physical !== 'BOOLEAN');
    const { listSize = 0 } = hint ?? {};
    const size = fills && listSize > 0 ? listSize : undefined;
    const type = size === undefined ? new List(child.field) : new FixedSizeList(size, child.field);
    return { kind: 'list', field: new Field(name, type, nullable), slotDef, rep, def, child, size };
  }

  /**
   * The elements of a LIST: usually in a group of their own within the repeated one, in old files not.
   * Source: «Backward-compatibility rules» in LogicalTypes.md of parquet-format.
   */
  #element(list: SchemaElement, place: Place): SchemaNode {
    const repeated = this.#take(place);
    const inner = { ...place, path: [...place.path, repeated.name] };
    const only = repeated.num_children === 1 ? this.#elements[this.next] : undefined;
    const isElement =
      only === undefined ||
      only.repetition_type === 'REPEATED' ||
      repeated.name === 'array' ||
      repeated.name === `${list.name}_tuple`;
    return isElement ? this.#body(repeated, inner, false) : this.node(inner);
  }
}

/** The leaves below some nodes, in their order. */
export function leavesOf(nodes: readonly SchemaNode[]): LeafColumn[] {
  return nodes.flatMap((node) => {
    if (node.kind === 'leaf') return [node.leaf];
    return leavesOf(node.kind === 'struct' ? node.children : [node.child]);
  });
}
