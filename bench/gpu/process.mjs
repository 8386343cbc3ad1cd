// A program as a process of its own, with a time limit: what a driver breaks is that program alone.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

/** A program that was not done in its time. */
export class GivenUp extends Error {}

/**
 * Runs a program to its end, or to the end of its time; then it is gone, and what it started.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ log: string, limitSeconds: number, env?: NodeJS.ProcessEnv }} options `log`: the file for what it says on stderr
 * @returns {Promise<{ code: number | null, signal: string | null, stdout: string, stderr: string }>}
 */
export async function runProgram(program, args, { log, limitSeconds, env = process.env }) {
  const out = createWriteStream(log);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env });
  const onExit = () => endGroup(child.pid);
  process.once('exit', onExit);
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    endGroup(child.pid);
  }, limitSeconds * 1000);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
    out.write(text);
  });
  try {
    const [code, signal] = await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (...ended) => resolve(ended));
    });
    if (isLate) throw new GivenUp(`given up after ${limitSeconds} s`);
    return { code, signal, stdout, stderr };
  } finally {
    clearTimeout(timer);
    process.off('exit', onExit);
    endGroup(child.pid);
    out.end();
    await finished(out);
  }
}

function endGroup(pid) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}

/** Of a failed program, the line that says what was wrong. */
export function lastWords(text) {
  const lines = text.split('\n').map((line) => line.trim());
  const error = lines.findLast((line) => /^[\w.]*(Error|Exception)\b/.test(line));
  return (
    error ??
    lines
      .filter((line) => line !== '')
      .slice(-3)
      .join(' ')
  );
}
