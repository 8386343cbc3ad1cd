import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { jobJsonSchema } from 'penstock';
import { describe, expect, test } from 'vitest';
import { workspace } from '../helpers/workspace.js';
import { DIGITS_JOB, penstock, repository, start } from './penstock.js';

const { version } = JSON.parse(readFileSync(`${repository}package.json`, 'utf8')) as { version: string };

describe('help', () => {
  test('--version prints the version of the package', async () => {
    expect(await penstock('--version')).toEqual({
      code: 0,
      signal: null,
      stdout: `${version}\n`,
      stderr: '',
    });
  });

  test('--help names the commands, with examples', async () => {
    const { code, stdout, stderr } = await penstock('--help');
    expect(code).toBe(0);
    expect(stderr).toBe('');
    for (const text of ['run [options] <job>', 'demo', 'schema', 'Examples:', 'penstock run job.yaml']) {
      expect(stdout).toContain(text);
    }
  });

  test.each(['run', 'bench', 'demo', 'inspect', 'schema'])('%s --help has an example', async (command) => {
    const { code, stdout } = await penstock(command, '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  penstock ${command}`));
    expect(stdout).not.toContain('false');
  });

  test('without a command the help is on stderr, since nothing was asked for', async () => {
    const { code, stdout, stderr } = await penstock();
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toContain('Usage: penstock');
  });

  test('neither Arrow nor ONNX Runtime nor zod is loaded for it', async () => {
    const at = workspace();
    await start(['--help'], { env: { NODE_V8_COVERAGE: at('coverage') } }).ended;
    const [file] = readdirSync(at('coverage'));
    const { result } = JSON.parse(readFileSync(at('coverage', file ?? ''), 'utf8')) as {
      result: { url: string }[];
    };
    const loaded = result.map(({ url }) => url);
    expect(loaded).toContainEqual(expect.stringContaining('/node_modules/commander/'));
    expect(loaded.filter((url) => /\/(apache-arrow|onnxruntime-node|zod|yaml|piscina)\//.test(url))).toEqual(
      [],
    );
  });
});

describe('a wrong command line', () => {
  test.each([
    ['an unknown command', ['rnu'], "unknown command 'rnu'\n  Did you mean run?\n"],
    ['an unknown option', ['run', '--jsn', 'x'], "unknown option '--jsn'\n  Did you mean --json?\n"],
    ['no job', ['run'], "missing required argument 'job'\n  See penstock run --help.\n"],
    ['two jobs', ['run', 'a', 'b'], "too many arguments for 'run'"],
    ['a number that is none', ['demo', '--rows', 'many'], 'Expected a whole number from 1 on.'],
    ['a schema that there is not', ['schema', 'jobs'], 'Allowed choices are job, serve.'],
  ])('%s is refused with exit code 2 and a way on', async (_, args, text) => {
    const { code, stdout, stderr } = await penstock(...args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^penstock: /);
    expect(stderr).toContain(text);
  });

  test('with --json it is a document too', async () => {
    const { code, stdout } = await penstock('run', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({ job: null, status: 'failed', error: { code: 'USAGE' } });
  });
});

describe('a wrong job', () => {
  test('a file that is not there', async () => {
    const { code, stdout, stderr } = await penstock('run', 'absent.yaml');
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: '',
      stderr: 'penstock: absent.yaml: there is no such file\n',
    });
  });

  test('a key that is none: file, line and what was meant, for people and for programs', async () => {
    const at = workspace();
    writeFileSync(
      at('job.yaml'),
      'source: { uri: a.arrow }\nmodel: { uri: m.onnx }\nbatch:\n  sise: 3\nsink: { uri: out }\n',
    );
    const { code, stdout, stderr } = await penstock('run', at('job.yaml'), '--json');
    expect(code).toBe(2);
    expect(stderr).toContain(`penstock: ${at('job.yaml')}:4: batch.sise is not a key of a job file`);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(JSON.parse(stdout)).toEqual({
      job: null,
      status: 'failed',
      error: {
        code: 'USAGE',
        message: expect.stringContaining('did you mean batch.size?'),
        hint: null,
        file: at('job.yaml'),
        line: 4,
        key: 'batch.sise',
        row: null,
        column: null,
      },
    });
  });

  test('a key set on the command line is named as such', async () => {
    const { code, stderr } = await penstock('run', DIGITS_JOB, '--set', 'batch.size=many');
    expect(code).toBe(2);
    expect(stderr).toMatch(/^penstock: --set batch\.size=many: batch\.size: expected /);
  });

  test('data that is not there fails the job, whose name is known by then', async () => {
    const at = workspace();
    const set = ['--set', `source.uri=${at('absent.arrow')}`, '--set', `sink.uri=${at('out')}`];
    const { code, stdout, stderr } = await penstock('run', DIGITS_JOB, '--json', ...set);
    expect(code).toBe(1);
    expect(stderr).toContain(`penstock: ${at('absent.arrow')}: no such file`);
    expect(JSON.parse(stdout)).toMatchObject({ job: 'digits', status: 'failed', error: { code: 'STORAGE' } });
  });
});

describe('schema', () => {
  test('prints the JSON Schema of the job file', async () => {
    const { code, stdout, stderr } = await penstock('schema');
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual(jobJsonSchema());
    expect((await penstock('schema', 'job')).stdout).toBe(stdout);
  });

  test('does not mind a reader that stops reading', async () => {
    const { child, ended } = start(['schema']);
    child.stdout.destroy();
    expect(await ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  });
});

test('an error that nobody expected is told once, to people and to programs, and the exit code is not 0', async () => {
  // Thrown out of nowhere, once the command is at work.
  const preload = `process.on('newListener', (name) => {
    if (name === 'SIGTERM') setImmediate(() => { throw new Error('out of nowhere', { cause: new Error('deeper') }); });
  })`;
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(preload)}` };
  // A whole job, so that the error comes first however slow the machine is.
  const args = ['run', DIGITS_JOB, '--json', '--set', `sink.uri=${workspace()('out')}`];
  const { code, stdout, stderr } = await start(args, { env }).ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^penstock: internal error: out of nowhere\n {2}caused by: deeper\n {4}at /);
  expect(stderr.match(/out of nowhere/g)).toHaveLength(1);
  expect(JSON.parse(stdout)).toMatchObject({ status: 'failed', error: { code: 'INTERNAL' } });
});
