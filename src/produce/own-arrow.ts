import {
  Binary,
  BinaryView,
  Bool,
  Data,
  DataType,
  Date_,
  Decimal,
  Dictionary,
  Duration,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float,
  Int,
  Interval,
  LargeBinary,
  LargeList,
  LargeUtf8,
  List,
  Map_,
  Null,
  Struct,
  Time,
  Timestamp,
  Type,
  Union,
  Utf8,
  Utf8View,
  Vector,
} from 'apache-arrow';

/** Classes of types whose parameters are all properties of their own. */
const CLASSES: Readonly<Partial<Record<Type, { readonly prototype: DataType }>>> = {
  [Type.Null]: Null,
  [Type.Int]: Int,
  [Type.Float]: Float,
  [Type.Binary]: Binary,
  [Type.LargeBinary]: LargeBinary,
  [Type.BinaryView]: BinaryView,
  [Type.Utf8]: Utf8,
  [Type.LargeUtf8]: LargeUtf8,
  [Type.Utf8View]: Utf8View,
  [Type.Bool]: Bool,
  [Type.Decimal]: Decimal,
  [Type.Date]: Date_,
  [Type.Time]: Time,
  [Type.Timestamp]: Timestamp,
  [Type.Interval]: Interval,
  [Type.Duration]: Duration,
  [Type.List]: List,
  [Type.LargeList]: LargeList,
  [Type.Struct]: Struct,
  [Type.Union]: Union,
  [Type.FixedSizeBinary]: FixedSizeBinary,
  [Type.FixedSizeList]: FixedSizeList,
  [Type.Map]: Map_,
  [Type.Dictionary]: Dictionary,
};

/**
 * The same data as our copy of apache-arrow has it. One that a transform brings along makes objects of classes of its own,
 * which ours does not know: what it would write of them is something else. Shares the memory.
 *
 * @throws TypeError for a type that ours does not have
 */
export function ownData(data: Data): Data {
  if (data.type instanceof DataType) return data;
  const { offset, length, nullCount, buffers, variadicBuffers = [] } = data;
  const dictionary = data.dictionary && new Vector(data.dictionary.data.map(ownData));
  const children = data.children.map(ownData);
  return new Data(
    ownType(data.type),
    offset,
    length,
    nullCount,
    buffers,
    children,
    dictionary,
    variadicBuffers,
  );
}

/** The same type of ours. */
export function ownType(type: DataType): DataType {
  if (type instanceof DataType) return type;
  const known = CLASSES[(type as DataType).typeId];
  if (known === undefined) throw new TypeError(`Arrow's type ${String(type)} is not known here`);
  const own = Object.assign(Object.create(known.prototype), type) as Writable;
  if (own.children != null) own.children = own.children.map(ownField);
  // A dictionary's.
  if (own.dictionary !== undefined) own.dictionary = ownType(own.dictionary);
  if (own.indices !== undefined) own.indices = ownType(own.indices);
  return own;
}

type Writable = DataType & { children: Field[] | null; dictionary?: DataType; indices?: DataType };

const ownField = ({ name, type, nullable, metadata }: Field): Field =>
  new Field(name, ownType(type), nullable, metadata);
