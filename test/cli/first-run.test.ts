import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readColumn, workspace } from '../helpers/workspace.js';
import { penstock, repository, start } from './penstock.js';

const DIGITS = `${repository}examples/digits/digits.arrow`;
const MODEL = `${repository}native-models/digits/digits.onnx`;

describe('a file where a command should be', () => {
  test.each([
    ['job.yaml', 'Did you mean penstock run job.yaml?'],
    ['data.parquet', 'Did you mean penstock inspect data.parquet?'],
    ['model.onnx', 'Did you mean penstock inspect model.onnx?'],
    ['nonsense', 'See penstock --help.'],
  ])('%s: what was probably meant is said', async (word, hint) => {
    const { code, stderr } = await penstock(word);
    expect(code).toBe(2);
    expect(stderr).toBe(`penstock: unknown command '${word}'\n  ${hint}\n`);
  });
});

describe('a slip of the hand', () => {
  test.each([
    [['rum', 'job.yaml'], "unknown command 'rum'\n  Did you mean run?\n"],
    [['help', 'rum'], "unknown command 'rum'\n  Did you mean run?\n"],
    [['help', 'nonsense'], "unknown command 'nonsense'\n  See penstock --help.\n"],
    [['run', 'job.yaml', '--overwite=1'], "unknown option '--overwite=1'\n  Did you mean --overwrite?\n"],
    // No option of ours is near.
    [['run', 'job.yaml', '--epocs', '3'], "unknown option '--epocs'\n  See penstock run --help.\n"],
  ])('%j is told, and what was meant where that is plain', async (args, text) => {
    const { code, stderr } = await penstock(...args);
    expect(code).toBe(2);
    expect(stderr).toBe(`penstock: ${text}`);
  });
});

test('a job for penstock serve, and what is served for penstock run: the other command is named', async () => {
  const [job, served] = [`${repository}examples/digits/job.yaml`, `${repository}examples/serve/serve.yaml`];
  expect(await penstock('run', served)).toMatchObject({
    code: 2,
    stderr: `penstock: ${served}: is a serve configuration, expected a job file\n  Did you mean penstock serve ${served}?\n`,
  });
  expect(await penstock('serve', job)).toMatchObject({
    code: 2,
    stderr: `penstock: ${job}: is a job file, expected a serve configuration\n  Did you mean penstock run ${job}?\n`,
  });
});

test('a folder, files and columns of any name: spaces, other scripts, what looks like a glob', async () => {
  const at = workspace();
  const folder = at('Größe 数据 (1) [alt]');
  mkdirSync(folder);
  copyFileSync(DIGITS, `${folder}/Ziffern ① é.arrow`);
  copyFileSync(MODEL, `${folder}/模型 1.onnx`);
  const job = `
name: Größe 数据
source: { uri: './Ziffern*.arrow', limit: 300 }
model: { uri: 模型 1.onnx }
inputs: { image: { column: pixels, scale: 0.00392156862745098 } }
outputs: { logits: { as: Größe 数据 } }
sink: { uri: aus gabe, keep: [id] }
`;
  // As an editor of Windows leaves it.
  writeFileSync(`${folder}/job 1.yaml`, `\ufeff${job.replaceAll('\n', '\r\n')}`);
  const { code, stderr } = await start(['run', 'job 1.yaml'], { cwd: folder }).ended;
  expect(code, stderr).toBe(0);
  expect(stderr).toMatch(/^Größe 数据: 300 rows in /m);
  expect(await readdir(`${folder}/aus gabe`)).toContain('_SUCCESS');
  expect(await readColumn(`${folder}/aus gabe`, 'Größe 数据')).toHaveLength(300);
});

test('without a home, a temporary folder and any place to write but the output, a job runs', async () => {
  const at = workspace();
  mkdirSync(at('empty'));
  const env = { HOME: '/nowhere', TMPDIR: '/nowhere', XDG_CACHE_HOME: '', USERPROFILE: '' };
  const set = ['--set', `sink.uri=${JSON.stringify(at('out'))}`];
  const { code, stderr } = await start(['run', `${repository}examples/digits/job.yaml`, ...set], {
    cwd: at('empty'),
    env,
  }).ended;
  expect(code, stderr).toBe(0);
  expect(await readdir(at('empty'))).toEqual([]);
  expect(await readdir(at())).toEqual(['empty', 'out']);
});

test('through a link, as npm installs it, it is itself', async () => {
  const at = workspace();
  symlinkSync(`${repository}dist/cli/main.js`, at('penstock'));
  const child = spawn(process.execPath, [at('penstock'), '--version'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const chunks = await child.stdout.toArray();
  const { version } = JSON.parse(readFileSync(`${repository}package.json`, 'utf8')) as { version: string };
  expect(Buffer.concat(chunks).toString()).toBe(`${version}\n`);
});
