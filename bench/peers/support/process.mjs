import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

export const TAIL = 4000;
/** How long to wait for what one that is gone has said last. */
const LAST_WORDS_MS = 2000;

/**
 * Runs a program to its end and returns what it printed on stdout.
 *
 * @throws Error with the last line of stderr, or that the time was over; then the program and what it started are gone
 */
export async function run(command, args, { env = {}, cwd, limitSeconds = 600 } = {}) {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let [stdout, stderr, isLate] = ['', '', false];
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr = (stderr + text).slice(-TAIL);
  });
  const timer = setTimeout(() => {
    isLate = true;
    endGroup(child.pid);
  }, limitSeconds * 1000);
  const onExit = () => endGroup(child.pid);
  process.once('exit', onExit);
  try {
    const closed = once(child, 'close').catch(() => {});
    const [code, signal] = await once(child, 'exit');
    // What it said last may not be read yet; but a grandchild that outlives it may hold the pipes open.
    await Promise.race([closed, sleep(LAST_WORDS_MS, undefined, { ref: false })]);
    if (isLate) throw new Error(`not done within ${limitSeconds} s`);
    if (code === 0) return stdout;
    throw new Error(lastLine(stderr) ?? `ended with ${signal ?? `code ${code}`}`);
  } finally {
    clearTimeout(timer);
    process.off('exit', onExit);
    endGroup(child.pid);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

export function endGroup(pid) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

/** Of a traceback in Python or an error in Node, the line that says what was wrong. */
export function lastLine(text) {
  const lines = text.split('\n').map((line) => line.trim());
  return (
    lines.findLast((line) => /^[\w.]*(Error|Exception)\b/.test(line)) ?? lines.findLast((line) => line !== '')
  );
}
