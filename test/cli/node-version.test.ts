import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { workspace } from '../helpers/workspace.js';
import { type Ended, repository, start } from './penstock.js';

/** The command line, which is told that it runs on another Node.js. */
function onNode(
  version: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const preload = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(preload)}`;
  return start(args, { env: { ...env, NODE_OPTIONS } }).ended;
}

describe('on a Node.js that is too old', () => {
  test.each(['12.22.9', '18.19.1', '20.10.0'])('%s, one sentence says which is needed', async (version) => {
    const { code, stdout, stderr } = await onNode(version, ['run', 'job.yaml']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toBe(
      `penstock: Node.js 20.19 or newer is needed, and this is ${version} (${process.execPath})\n` +
        '  Get it from https://nodejs.org, or by a version manager, for instance: nvm install --lts\n',
    );
  });

  test('--json prints a document too', async () => {
    const { code, stdout } = await onNode('18.19.1', ['run', 'job.yaml', '--json']);
    expect(code).toBe(2);
    const error = {
      code: 'USAGE',
      message: expect.stringContaining('20.19'),
      file: null,
      row: null,
      column: null,
    };
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
    const text = readFileSync(`${repository}dist/cli/main.js`, 'utf8');
    const lowered = (target: ts.ScriptTarget): string =>
      ts.transpileModule(text, {
        compilerOptions: { target, module: ts.ModuleKind.ES2020, removeComments: true },
      }).outputText;
    expect(lowered(ts.ScriptTarget.ES2019)).toBe(lowered(ts.ScriptTarget.ESNext));
    expect(text).not.toMatch(/^\s*await /m);
  });
});

test.each(['20.19.0', '20.20.2', '21.0.0', '100.0.0'])('on %s it runs', async (version) => {
  const { code, stderr } = await onNode(version, ['--version']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});
