import { jobJsonSchema } from '../job/json-schema.js';
import { serveJsonSchema } from '../serve/config.js';
import type { Terminal } from './terminal.js';

/** `penstock schema` */
export function schema(file: 'job' | 'serve', terminal: Terminal): number {
  terminal.document(file === 'job' ? jobJsonSchema() : serveJsonSchema());
  return 0;
}
