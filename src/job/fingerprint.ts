import { createHash } from 'node:crypto';
import type { Dataset } from '../dataset/types.js';
import { digestOf, modelDigest } from './digests.js';
import type { Job } from './schema.js';
import { encoderSettings } from './sink.js';

/**
 * Tells whether an output belongs to a job: a digest of all that decides what the output is, and of nothing that
 * decides only how fast it is made. Producers, slots, instances and (unless order is fixed) the batch size may change
 * between a run and its resumption, and so may `errors`: how many rows may be bad does not change the others.
 */
export async function fingerprintOf(job: Job, dataset: Dataset): Promise<string> {
  const { source, model, inputs, transform, batch, outputs, sink } = job;
  const decisive = {
    source: { columns: source.columns, limit: source.limit, filter: source.filter, format: source.format },
    objects: dataset.objects,
    splits: dataset.splits.map(({ first, count }) => [first, count]),
    model: {
      runtime: model.runtime,
      digest: model.uri && (await modelDigest(model.runtime, model.uri)),
      options: model.options,
    },
    inputs,
    transform: transform && (await digestOf([transform])),
    batch: {
      size: batch.order === 'fixed' ? batch.size : undefined,
      order: batch.order,
      lengthColumn: batch.lengthColumn,
      buckets: batch.buckets,
      maxTokens: batch.maxTokens,
    },
    outputs,
    sink: {
      format: sink.format,
      keep: sink.keep,
      compression: encoderSettings(sink).compression,
      rowGroupRows: sink.format === 'parquet' ? encoderSettings(sink).rowGroupRows : undefined,
    },
  };
  return createHash('sha256').update(JSON.stringify(decisive)).digest('hex').slice(0, 32);
}
