import { jobJsonSchema } from '../job/json-schema.js';
import type { Terminal } from './terminal.js';

/** `penstock schema` */
export function schema(terminal: Terminal): number {
  terminal.document(jobJsonSchema());
  return 0;
}
