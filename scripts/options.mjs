// @ts-check
import { parseArgs } from 'node:util';

/**
 * The options of a command of this house, as `parseArgs` has them: a mistake ends it with 2 and a sentence.
 * @template {import('node:util').ParseArgsConfig} T
 * @param {T} config
 */
export function optionsOf(config) {
  try {
    return parseArgs(config);
  } catch (error) {
    if (!(error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')))
      throw error;
    console.error(error.message);
    process.exit(2);
  }
}
