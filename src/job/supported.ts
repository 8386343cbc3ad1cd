import { checkFormat } from '../sink/part-writer.js';
import { isRemote } from '../storage/uri.js';
import { UsageError } from '../util/errors.js';

import type { Job } from './schema.js';

/** Keys of the job file that this version knows and can't act on yet. Refused, rather than passed over in silence. */
export function checkSupported(job: Job): void {
  checkFormat(job.sink.format);
  if (job.sink.uri !== undefined && isRemote(job.sink.uri)) {
    throw new UsageError(
      `sink.uri: ${job.sink.uri} is remote, and this version writes local directories only`,
      {
        key: 'sink.uri',
      },
    );
  }
}
