import { sizeOf } from '../../util/dtype.js';
import { Refusal } from '../refusal.js';
import type { Endpoint, EndpointTensor, WireTensor } from '../types.js';
import { datatypeOf } from './datatype.js';
import { quoted } from './quoted.js';

/** An input whose name, type and shape are the endpoint's. Its data may be looked at now. */
export interface DeclaredInput {
  readonly tensor: EndpointTensor;
  readonly shape: readonly number[];
  /** The product of the shape. */
  readonly elements: number;
}

/** Elements of one tensor: far beyond what a body may hold, and far below where products of numbers get inexact. */
const MOST_ELEMENTS = 2 ** 31;

/** All versions that there are of a model. */
export const VERSION = '1';

/** An endpoint, as requests are checked against it. */
export class WireEndpoint {
  readonly endpoint: Endpoint;
  readonly #inputs: ReadonlyMap<unknown, EndpointTensor>;
  readonly #outputs: ReadonlyMap<unknown, EndpointTensor>;

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
    this.#inputs = new Map(endpoint.inputs.map((tensor) => [tensor.name, tensor]));
    this.#outputs = new Map(endpoint.outputs.map((tensor) => [tensor.name, tensor]));
  }

  /**
   * An input as a client declares it, before its data is looked at.
   *
   * @throws Refusal where there is no such input, or it is of another type or shape
   */
  declare(name: unknown, datatype: unknown, shape: unknown): DeclaredInput {
    const tensor = this.#inputs.get(name);
    if (tensor === undefined) throw this.#unknown('input', name, this.#inputs);
    this.#checkDatatype(tensor, datatype);
    return { tensor, ...this.#checkShape(tensor, shape) };
  }

  /**
   * Inputs that are complete: each of the endpoint's once, with as many rows.
   *
   * @throws Refusal where they are not
   */
  complete(inputs: readonly WireTensor[]): readonly WireTensor[] {
    const { name } = this.endpoint;
    const given = new Set(inputs.map((input) => input.name));
    for (const wanted of this.#inputs.keys()) {
      if (!given.has(wanted as string)) throw new Refusal('invalid', `${name} needs an input ${wanted}`);
    }
    if (inputs.length > this.#inputs.size) throw new Refusal('invalid', 'an input is given twice');
    const [first] = inputs;
    for (const { name: other, shape } of inputs) {
      if (first !== undefined && shape[0] !== first.shape[0])
        throw new Refusal(
          'invalid',
          `input ${other} has ${shape[0]} rows and ${first.name} has ${first.shape[0]}: all inputs must have as many`,
        );
    }
    return inputs;
  }

  /** @throws Refusal where there is no such output */
  output(name: unknown): EndpointTensor {
    const tensor = this.#outputs.get(name);
    if (tensor === undefined) throw this.#unknown('output', name, this.#outputs);
    return tensor;
  }

  #unknown(kind: string, name: unknown, known: ReadonlyMap<unknown, EndpointTensor>): Refusal {
    const has = `it has ${[...known.keys()].join(', ') || 'none'}`;
    return new Refusal('invalid', `${this.endpoint.name} has no ${kind} ${quoted(name)}; ${has}`);
  }

  #checkDatatype(tensor: EndpointTensor, datatype: unknown): void {
    const expected = datatypeOf(tensor);
    if (datatype === expected) return;
    const why = datatype === 'BF16' ? 'BF16 is not supported here' : `its datatype is ${quoted(datatype)}`;
    throw new Refusal('invalid', `input ${tensor.name}: ${why}, expected ${expected}`);
  }

  #checkShape(
    { name, shape: expected }: EndpointTensor,
    given: unknown,
  ): Pick<DeclaredInput, 'shape' | 'elements'> {
    if (!Array.isArray(given)) throw invalidShape(name, given, expected);
    if (given.length !== expected.length) throw invalidShape(name, given, expected);
    const shape: number[] = [];
    for (let i = 0; i < expected.length; i++) {
      const dim: unknown = given[i];
      const isFree = expected[i] === -1;
      if (!Number.isSafeInteger(dim) || (dim as number) < 0 || !(isFree || dim === expected[i]))
        throw invalidShape(name, given, expected);
      shape.push(dim as number);
    }
    const rows = shape[0] as number;
    if (rows === 0) throw new Refusal('invalid', `input ${name} has no rows`);
    const { maxRows } = this.endpoint;
    if (rows > maxRows)
      throw new Refusal('too-large', `input ${name} has ${rows} rows; a request may have ${maxRows}`);
    // Dimensions that are all within bounds by themselves may have a product that no number holds.
    const elements = sizeOf(shape);
    if (!(elements < MOST_ELEMENTS))
      throw new Refusal('too-large', `input ${name}: ${dims(shape)} is too large a tensor`);
    return { shape, elements };
  }
}

function invalidShape(name: string, given: unknown, expected: readonly number[]): Refusal {
  const found = Array.isArray(given) ? dims(given) : quoted(given);
  const meaning = expected.length > 1 ? ', where -1 is any number' : ', where -1 is the number of rows';
  return new Refusal('invalid', `input ${name}: its shape is ${found}, expected ${dims(expected)}${meaning}`);
}

/** Some dimensions: a client may send as many as it likes. */
function dims(shape: readonly unknown[]): string {
  const shown = shape.slice(0, 8).map((dim) => (typeof dim === 'number' ? dim : quoted(dim)));
  return `[${shown.join(', ')}${shape.length > 8 ? ', …' : ''}]`;
}
