import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const repository = fileURLToPath(new URL('../../', import.meta.url));
export const DIGITS_JOB = `${repository}examples/digits/job.yaml`;
const MAIN = `${repository}dist/cli/main.js`;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly ended: Promise<Ended>;
  /**
   * Resolves with the first match in what the process has said on stderr, before this call or after it.
   *
   * @throws Error where it ends without
   */
  said(pattern: RegExp): Promise<RegExpExecArray>;
}

export interface StartOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** In a process group of its own, as a terminal has one for what runs in it. */
  readonly detached?: boolean;
  /** A command that starts commands, with its arguments: `['ip', 'netns', 'exec', 'host']`. */
  readonly within?: readonly string[];
}

/** Starts the built command line as a process of its own, without a terminal. It does not outlive its test. */
export function start(
  args: readonly string[],
  { cwd, env, detached = false, within = [] }: StartOptions = {},
): Started {
  const [program, ...rest] = [...within, process.execPath, MAIN, ...args] as [string, ...string[]];
  const child = spawn(program, rest, {
    cwd,
    // Whatever colours whoever runs the tests wants.
    env: { ...process.env, FORCE_COLOR: undefined, NO_COLOR: undefined, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached,
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      texts[name] += text;
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, ...texts }));
  });
  const said = (pattern: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const match = pattern.exec(texts.stderr);
        if (match === null) return;
        child.stderr.off('data', look);
        resolve(match);
      };
      child.stderr.on('data', look);
      look();
      const unsaid = ({ code, stderr }: Ended): void =>
        reject(new Error(`it has ended with ${code} and has not said ${pattern}:\n${stderr}`));
      ended.then(unsaid, reject);
    });
  return { child, ended, said };
}

/** Runs the command line to its end. */
export function penstock(...args: readonly string[]): Promise<Ended> {
  return start(args).ended;
}
