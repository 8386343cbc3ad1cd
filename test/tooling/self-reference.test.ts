import { isModuleNamespaceObject } from 'node:util/types';
import * as penstock from 'penstock';
import { expect, test } from 'vitest';
import * as source from '../../src/index.js';

test('penstock, imported by its own name, is the built package, loaded by Node', () => {
  expect(penstock.UsageError).not.toBe(source.UsageError);
  expect(Object.keys(penstock).sort()).toEqual(Object.keys(source).sort());
  // What vite loads in Node's place is an ordinary object.
  expect(isModuleNamespaceObject(penstock)).toBe(true);
});

test('using closes what it holds on every Node', () => {
  const closed: string[] = [];
  {
    using _held = { [Symbol.dispose]: () => closed.push('held') };
  }
  expect(closed).toEqual(['held']);
});
