import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { workspace } from '../helpers/workspace.js';
import { repository, start } from './penstock.js';

const MAIN = `${repository}dist/cli/main.js`;

/** Makes a process believe that it runs on another Node.js. */
function pretending(version: string): { NODE_OPTIONS: string } {
  const preload = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(preload)}` };
}

const onNode = (version: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  start(args, { env: { ...env, ...pretending(version) } }).ended;

describe('on a Node.js that is too old', () => {
  test.each(['12.22.9', '18.19.1', '20.10.0'])('%s, one sentence says which is needed', async (version) => {
    const { code, stdout, stderr } = await onNode(version, ['run', 'job.yaml']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^penstock: Node\.js 20\.19 or newer/);
    expect(stderr).toContain(` is needed, and this is ${version} (${process.execPath})\n  Get it from `);
  });

  test('--json prints a document too', async () => {
    const { code, stdout } = await onNode('18.19.1', ['run', 'job.yaml', '--json']);
    expect(code).toBe(2);
    const error = { code: 'USAGE', message: expect.stringContaining('20.19'), file: null, row: null };
    expect(JSON.parse(stdout)).toMatchObject({ job: null, status: 'failed', error });
  });

  test('nothing else is loaded, which it could not read', async () => {
    const at = workspace();
    await onNode('18.19.1', ['--help'], { NODE_V8_COVERAGE: at('coverage') });
    const loaded = readdirSync(at('coverage')).flatMap((file) => {
      const { result } = JSON.parse(readFileSync(at('coverage', file), 'utf8')) as {
        result: { url: string }[];
      };
      return result.map(({ url }) => url).filter((url) => url.startsWith('file:'));
    });
    expect(loaded).toEqual([expect.stringContaining('/dist/cli/main.js')]);
  });

  test('what it loads has no syntax that Node.js 12 does not know', () => {
    const text = readFileSync(MAIN, 'utf8');
    const lowered = (target: ts.ScriptTarget): string => {
      const compilerOptions = { target, module: ts.ModuleKind.ES2020, removeComments: true };
      return ts.transpileModule(text, { compilerOptions }).outputText;
    };
    expect(lowered(ts.ScriptTarget.ES2019)).toBe(lowered(ts.ScriptTarget.ESNext));
    expect(text).not.toMatch(/^\s*await /m);
  });
});

test.each(['20.19.0', '24.21.0', '100.0.0'])('on %s it runs', async (version) => {
  const { code, stderr } = await onNode(version, ['--version']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test('engines in package.json say which will do, of several lines too', async () => {
  const at = workspace();
  mkdirSync(at('dist', 'cli'), { recursive: true });
  copyFileSync(MAIN, at('dist', 'cli', 'main.js'));
  writeFileSync(at('dist', 'cli', 'command-line.js'), "console.log('runs')");
  const document = { type: 'module', engines: { node: '^20.19 || >=22.2' } };
  writeFileSync(at('package.json'), JSON.stringify(document));
  const on = async (version: string): Promise<string> => {
    const env = { ...process.env, ...pretending(version) };
    const run = promisify(execFile)(process.execPath, [at('dist', 'cli', 'main.js')], { env });
    const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error);
    return stdout + stderr;
  };
  for (const version of ['20.19.0', '20.20.2', '22.2.0', '23.0.0']) expect(await on(version)).toBe('runs\n');
  for (const version of ['18.20.8', '20.18.3', '21.7.3', '22.1.0']) {
    expect(await on(version)).toContain(
      `penstock: Node.js 20.19 or newer of 20, or 22.2 or newer is needed, and this is ${version} `,
    );
  }
});
