import { codecsOf } from '../sink/codecs.js';
import type { EncoderSettings, SinkTarget } from '../sink/types.js';
import type { OutputLocation } from '../storage/output-types.js';
import type { SinkSpec } from './schema.js';

/** Where a job's outputs go; undefined where none are written. */
export function outputLocation({ uri, format, storage = {} }: SinkSpec): OutputLocation | undefined {
  return uri === undefined || format === 'none' ? undefined : { uri, options: storage };
}

/** Rows of a row group, where the job does not say. */
const ROW_GROUP_ROWS = 2 ** 20;

export function encoderSettings({
  format,
  compression,
  rowGroupRows = ROW_GROUP_ROWS,
}: SinkSpec): EncoderSettings {
  return { compression: compression ?? codecsOf(format)[0] ?? 'none', rowGroupRows };
}

/** What the sink's thread is told. */
export function sinkTarget(sink: SinkSpec): SinkTarget | undefined {
  const location = outputLocation(sink);
  return location && { location, format: sink.format, settings: encoderSettings(sink) };
}
