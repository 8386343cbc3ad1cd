import { execFile } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { repository } from '../cli/penstock.js';
import { workspace } from '../helpers/workspace.js';

/** The folder that a page's commands run in, and what became of them. */
export interface Playground {
  readonly directory: string;
  write(name: string, text: string): void;
  /** Runs lines of shell; rejects with what they wrote where one of them fails. */
  run(script: string): Promise<{ readonly stdout: string; readonly stderr: string }>;
  /** Commands of ours so far: those that ran, and those of which only the arguments were looked at. */
  commands(): { readonly run: number; readonly checked: number };
}

const SECONDS = 120;

const JOB = `name: digits
source: { uri: digits.arrow, limit: 500 }
model: { uri: digits.onnx }
inputs:
  image: { column: pixels, shape: [1, 28, 28], scale: 0.00392156862745098 }
sink: { uri: out/digits, keep: [id, label] }
`;

/**
 * A folder as a reader of the page has it: penstock is installed, there are data, a model, a job and a configuration by the
 * names that pages use, and copies of the examples. What takes long or never ends (serve, bench, …) is not run but looked at:
 * `fixtures/command.mjs`.
 */
export function playground(): Playground {
  const at = workspace();
  // Two levels deep, so that a job file of examples/ works here too: its model is at ../../native-models.
  const directory = at('home', 'reader', 'project');
  const log = at('commands.log');
  mkdirSync(at('bin'), { recursive: true });
  mkdirSync(join(directory, '.ci'), { recursive: true });
  mkdirSync(join(directory, 'node_modules'));
  for (const name of readdirSync(join(repository, 'node_modules'))) {
    if (name !== 'penstock' && name !== '.bin') {
      symlinkSync(join(repository, 'node_modules', name), join(directory, 'node_modules', name));
    }
  }
  symlinkSync(repository, join(directory, 'node_modules/penstock'));
  symlinkSync(join(repository, 'native-models'), join(directory, 'native-models'));
  symlinkSync(join(repository, 'native-models'), at('home', 'native-models'));
  cpSync(join(repository, 'examples'), join(directory, 'examples'), {
    recursive: true,
    filter: (source) => !/\/out(\/|$)/.test(source),
  });
  const copies = {
    'examples/digits/digits.arrow': ['digits.arrow', 'data.arrow'],
    'native-models/digits/digits.onnx': ['digits.onnx', 'model.onnx'],
  };
  for (const [from, names] of Object.entries(copies)) {
    for (const name of names) cpSync(join(repository, from), join(directory, name));
  }
  writeFileSync(join(directory, 'job.yaml'), JOB);
  writeFileSync(join(directory, 'nightly.yaml'), JOB);
  const served = readFileSync(join(repository, 'examples/serve/serve.yaml'), 'utf8');
  writeFileSync(join(directory, 'serve.yaml'), served.replace('../../native-models/digits/', ''));
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }\n');
  const command = join(repository, 'test/docs/fixtures/command.mjs');
  for (const program of ['penstock', 'npx', 'npm']) {
    executable(at('bin', program), `exec '${process.execPath}' '${command}' ${program} "$@"`);
  }
  executable(at('bin', 'penstock-check'), `exec '${process.execPath}' '${command}' check "$@"`);
  executable(join(directory, '.ci/run'), `test -f '${repository}.ci/run'`);

  return {
    directory,
    write(name, text) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), text.endsWith('\n') ? text : `${text}\n`);
    },
    run: (script) =>
      new Promise((resolve, reject) => {
        const env = {
          ...process.env,
          PATH: `${at('bin')}:${process.env.PATH}`,
          PENSTOCK_DOCS_LOG: log,
          HOME: at('home'),
          no_proxy: '*',
          NO_COLOR: '1',
        };
        const options = { cwd: directory, env, timeout: SECONDS * 1000, maxBuffer: 2 ** 26 };
        execFile('bash', ['--norc', '-euo', 'pipefail', '-c', script], options, (error, stdout, stderr) => {
          if (error === null) resolve({ stdout, stderr });
          else reject(new Error(`${script}\n\n${error.message}\n${stdout}\n${stderr}`));
        });
      }),
    commands() {
      const lines = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
      const run = lines.filter((line) => line.startsWith('run ')).length;
      return { run, checked: lines.length - run };
    },
  };
}

function executable(file: string, line: string): void {
  writeFileSync(file, `#!/bin/sh\n${line}\n`);
  chmodSync(file, 0o755);
}
