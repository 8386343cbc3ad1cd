import type { SessionSpec } from '../../src/session/types.js';

/** What to load, as jobs say it where they say little. */
export const sessionSpec = (wanted: Pick<SessionSpec, 'uri'> & Partial<SessionSpec>): SessionSpec => ({
  runtime: 'onnx',
  providers: ['cpu'],
  deviceId: 0,
  options: {},
  intraOpNumThreads: 1,
  inputs: [],
  ...wanted,
});
