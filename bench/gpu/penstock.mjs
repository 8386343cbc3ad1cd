// Penstock's command line.
import { fileURLToPath } from 'node:url';
import { lastWords, runProgram } from './process.mjs';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/**
 * @param {readonly string[]} args
 * @param {{ log: string, limitSeconds: number }} options `log`: where what it says goes
 * @returns {Promise<any>} the document that it prints
 */
export async function penstock(args, options) {
  const ended = await runProgram(process.execPath, [MAIN, ...args, '--json'], options);
  const { code, signal, stdout, stderr } = ended;
  if (code === 0) return JSON.parse(stdout);
  const why = signal === null ? `exit code ${code}` : signal;
  throw new Error(`penstock ${args[0]} ended with ${why}: ${said(stdout) ?? lastWords(stderr)}`);
}

/** Of a failed command: its document names the error, where it got that far. */
function said(document) {
  try {
    return JSON.parse(document).error.message;
  } catch {
    return undefined;
  }
}
