import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';

const DEPCRUISE = resolve('node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
const CONFIG = resolve('.dependency-cruiser.cjs');

/** What `npm run rooms` says of a tree with these files: its exit code is the number of errors. */
function rooms(files: Record<string, string>) {
  const tree = mkdtempSync(join(tmpdir(), 'penstock-rooms-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), text);
    }
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [DEPCRUISE, 'src', '--config', CONFIG, '--output-type', 'err-long'],
      { cwd: tree, encoding: 'utf8' },
    );
    return { errors: status, text: stdout + stderr };
  } finally {
    rmSync(tree, { recursive: true });
  }
}

test('imports to the left, within a room, from index.ts and of packages are fine', () => {
  const { errors, text } = rooms({
    'src/index.ts': "export * from './cli/main.js';\n",
    'src/cli/main.ts': "import '../util/x.js';\nimport './print.js';\nexport const main = 1;\n",
    'src/cli/print.ts': "import 'node:fs';\nawait import('an-optional-package');\n",
    'src/util/x.ts': 'export const x = 1;\n',
  });
  expect(text).toContain('no dependency violations found (6 modules, 5 dependencies cruised)');
  expect(errors).toBe(0);
});

test('one import to the right is enough to fail, and the message says what to do', () => {
  const { errors, text } = rooms({
    'src/util/x.ts': "import { y } from '../cli/y.js';\nexport const x = y;\n",
    'src/cli/y.ts': 'export const y = 1;\n',
  });
  expect(errors).toBe(1);
  expect(text).toContain('error util-imports-only-to-its-left: src/util/x.ts → src/cli/y.ts');
  expect(text).toContain('Move what both need');
});

describe('in a tree with one of each fault', () => {
  let report: ReturnType<typeof rooms>;
  beforeAll(() => {
    report = rooms({
      'package.json': '{ "name": "penstock", "type": "module", "exports": "./dist/index.js" }\n',
      'dist/index.js': 'export {};\n',
      'test/helper.ts': 'export const help = 1;\n',
      'src/index.ts': 'export const z = 1;\n',
      'src/ring/type.ts': "import type { Y } from '../sink/y.js';\nexport type X = Y;\n",
      'src/sink/y.ts': 'export type Y = number;\n',
      'src/clock/a.ts': "import { b } from './b.js';\nexport const a = () => b;\n",
      'src/clock/b.ts': "import { a } from './a.js';\nexport const b = () => a;\n",
      'src/job/face.ts': "export { z } from '../index.js';\n",
      'src/job/outside.ts': "import { help } from '../../test/helper.js';\nexport const x = help;\n",
      'src/job/self.ts': "import 'penstock';\n",
      'src/stray.ts': 'export const x = 1;\n',
      'src/misc/x.ts': 'export const x = 1;\n',
      'src/utility/x.ts': 'export const x = 1;\n',
    });
  });

  test.each([
    ['a type is an import too', 'ring-imports-only-to-its-left: src/ring/type.ts → src/sink/y.ts'],
    ['a circle fails', 'no-circle: src/clock/'],
    ['nothing imports index.ts', 'index-is-for-users: src/job/face.ts → src/index.ts'],
    ['nothing imports what is around src', 'src-stands-alone: src/job/outside.ts → test/helper.ts'],
    ['nothing imports our own build', 'src-stands-alone: src/job/self.ts → dist/index.js'],
    ['a file directly in src is in no room', 'no-unknown-room: src/stray.ts'],
    ['a folder that is not in the list is no room', 'no-unknown-room: src/misc/x.ts'],
    ['a folder whose name begins like a room is none', 'no-unknown-room: src/utility/x.ts'],
  ])('%s', (_, line) => {
    expect(report.text).toContain(`error ${line}`);
  });

  test('nothing else is wrong', () => {
    expect(report.errors).toBe(8);
  });
});
