import type { LiveDevice, LiveProducers } from './frame.js';

/* What stands for what: the names, colours and patterns of the report (page/marks.ts). */

export interface Mark<Key extends string> {
  readonly key: Key;
  readonly mark: string;
  readonly name: string;
  readonly meaning: string;
}

/** What a device's time goes to, in the order in which it is stacked. */
export const HEADINGS: readonly Mark<Exclude<keyof LiveDevice, 'id' | 'about'>>[] = [
  { key: 'busy', mark: 'busy', name: 'busy', meaning: 'at least one batch was running' },
  { key: 'fetch', mark: 'fetch', name: 'fetch', meaning: 'starved: rows were still in storage' },
  {
    key: 'prep',
    mark: 'prep',
    name: 'prep',
    meaning: 'starved: rows were being decoded, transformed, collated',
  },
  {
    key: 'batching',
    mark: 'batching',
    name: 'batching',
    meaning: 'starved: rows waited in an open batch for company',
  },
  { key: 'blocked', mark: 'blocked', name: 'blocked', meaning: 'outputs held every slot' },
  { key: 'idle', mark: 'idle', name: 'idle', meaning: 'nothing was asked of it' },
];

/** What a producer's time goes to. */
export const PRODUCER_STATES: readonly Mark<Exclude<keyof LiveProducers, 'count'>>[] = [
  { key: 'fetch', mark: 'fetch', name: 'fetch', meaning: 'reading from storage' },
  { key: 'decode', mark: 'decode', name: 'decode', meaning: 'bytes to columns' },
  { key: 'transform', mark: 'transform', name: 'transform', meaning: 'your module' },
  { key: 'collate', mark: 'prep', name: 'collate', meaning: 'columns to rows of tensors' },
  { key: 'blocked', mark: 'wait', name: 'blocked', meaning: 'no slot was free: ahead of the device' },
  { key: 'idle', mark: 'idle', name: 'idle', meaning: 'no work left' },
];
