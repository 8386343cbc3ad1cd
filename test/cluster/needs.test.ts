import { describe, expect, test } from 'vitest';
import { lacks, type Needs, needsProof, type Offer, unmet } from '../../src/cluster/needs.js';

const needs = (rest: Partial<Needs> = {}): Needs => ({
  runtime: 'onnx',
  providers: ['cuda', 'cpu'],
  labels: {},
  ...rest,
});

const offer = (rest: Partial<Offer> = {}): Offer => ({
  providers: { onnx: ['cpu'], tensorflow: [] },
  memoryBytes: 8e9,
  labels: {},
  code: { all: false, digests: [] },
  ...rest,
});

const DIGEST = `sha256:${'ab'.repeat(32)}`;

describe('what a worker lacks for a run', () => {
  test('is nothing where it has one of the providers, the memory and the labels', () => {
    const labels = { zone: 'a', gpu: 'a100' };
    expect(lacks(needs({ memoryBytes: 8e9, labels: { gpu: 'a100' } }), offer({ labels }))).toEqual([]);
  });

  test.each([
    [
      'a provider',
      needs({ providers: ['cuda', 'tensorrt'] }),
      offer(),
      'onnx with cuda or tensorrt (it has cpu)',
    ],
    [
      'any provider',
      needs({ runtime: 'tensorflow', providers: ['wasm'] }),
      offer(),
      'tensorflow with wasm (it has none)',
    ],
    ['memory', needs({ memoryBytes: 16e9 }), offer(), '16.0 GB of memory (it has 8.0 GB)'],
    ['a label', needs({ labels: { gpu: 'a100' } }), offer(), 'label gpu=a100'],
    [
      'a label’s value',
      needs({ labels: { gpu: 'a100' } }),
      offer({ labels: { gpu: 't4' } }),
      'label gpu=a100 (it has gpu=t4)',
    ],
    ['leave to run code', needs({ code: [DIGEST] }), offer(), 'leave to run code'],
    ['proof', needs(), offer({ providers: null }), 'onnx yet (its providers are being tried)'],
  ])('is said where it is %s', (_, wanted, has, text) => {
    expect(lacks(wanted, has).join()).toContain(text);
  });

  test('is not leave to run code that it allows by its digest, or all of it', () => {
    const code = { all: false, digests: [DIGEST] };
    expect(lacks(needs({ code: [DIGEST] }), offer({ code }))).toEqual([]);
    expect(lacks(needs({ code: [DIGEST, DIGEST.replaceAll('a', 'c')] }), offer({ code }))).toHaveLength(1);
    // Nobody has said what it is.
    expect(lacks(needs({ code: [] }), offer({ code }))).toHaveLength(1);
    expect(lacks(needs({ code: [] }), offer({ code: { all: true, digests: [] } }))).toEqual([]);
  });

  test('is never a provider of a runtime that brings all that it needs', () => {
    const simulated = needs({ runtime: 'simulated', providers: ['cpu'] });
    expect(lacks(simulated, offer({ providers: null }))).toEqual([]);
    expect(needsProof(simulated, offer({ providers: null }))).toBe(false);
    expect(needsProof(needs(), offer({ providers: null }))).toBe(true);
  });
});

describe('why no worker takes a run', () => {
  test('is nothing where one fits', () => {
    expect(
      unmet(needs({ labels: { a: 'b' } }), [worker('one'), worker('two', { labels: { a: 'b' } })]),
    ).toEqual([]);
  });

  test('is what each of them lacks, those that lack the same together', () => {
    const wanted = needs({ providers: ['cuda'] });
    expect(
      unmet(wanted, [worker('one'), worker('two'), worker('three', { providers: { onnx: [] } })]),
    ).toEqual(['one and 1 more: no onnx with cuda (it has cpu)', 'three: no onnx with cuda (it has none)']);
    expect(unmet(wanted, [])).toEqual(['no worker is there']);
  });
});

function worker(id: string, rest: Partial<Offer> = {}) {
  return { id, offer: offer(rest) };
}
