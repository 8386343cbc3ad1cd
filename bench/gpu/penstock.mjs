// Penstock's command line, each call a process of its own: what a driver breaks is that call alone.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const LIMIT_MS = 600_000;

/**
 * @param {readonly string[]} args
 * @param {string} log where what it says goes
 * @returns {Promise<any>} the document that it prints
 */
export async function penstock(args, log) {
  const out = createWriteStream(log);
  const child = spawn(process.execPath, [MAIN, ...args, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
  let document = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    document += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
    out.write(text);
  });
  const [code, signal] = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (...ended) => resolve(ended));
  });
  clearTimeout(timer);
  out.end();
  await finished(out);
  if (code === 0) return JSON.parse(document);
  const why = signal === null ? `exit code ${code}` : signal;
  throw new Error(`penstock ${args[0]} ended with ${why}: ${lastWords(document, said)}`);
}

/** Of a failed command: its document names the error, where it got that far. */
function lastWords(document, said) {
  try {
    return JSON.parse(document).error.message;
  } catch {
    return said.trim().split('\n').slice(-3).join(' ');
  }
}
