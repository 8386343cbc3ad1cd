import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { jobJsonSchema, parseJob, parseServeConfig, serveJsonSchema } from 'penstock';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { repository } from '../cli/penstock.js';
import { workspace } from '../helpers/workspace.js';
import { ALL, type Block, placeOf } from './blocks.js';

const blocks = (language: string): Block[] =>
  ALL.filter((block) => block.language === language && block.notRun === undefined);

const ajv = new Ajv({ strictTypes: false });
const KINDS = [
  {
    schema: jobJsonSchema(),
    validate: ajv.compile(jobJsonSchema()),
    parse: parseJob,
    // What a fragment leaves out.
    rest: { source: { uri: 'a.arrow' }, model: { uri: 'm.onnx' }, sink: { format: 'none' } },
  },
  {
    schema: serveJsonSchema(),
    validate: ajv.compile(serveJsonSchema()),
    parse: parseServeConfig,
    rest: { models: { m: { model: { uri: 'm.onnx' } } } },
  },
];

describe('YAML of a page is a job file, a configuration of serve, or a part of one', () => {
  test.each(blocks('yaml').map((block) => [placeOf(block), block] as const))('%s', (_, { text }) => {
    for (const document of parseAllDocuments(text)) {
      const value = document.toJS();
      const kind = KINDS.find(({ schema }) =>
        Object.keys(value).every((key) => Object.hasOwn(schema.properties as object, key)),
      );
      expect(kind, `keys of no file that is known: ${Object.keys(value).join(', ')}`).toBeDefined();
      if (kind === undefined) return;
      const whole = { ...kind.rest, ...value };
      expect(kind.validate(whole), JSON.stringify(kind.validate.errors)).toBe(true);
      kind.parse(whole);
    }
  });
});

test('JSON of a page is JSON', () => {
  for (const block of blocks('json')) {
    expect(
      () =>
        block.text
          .trim()
          .split('\n\n')
          .map((text) => JSON.parse(text)),
      placeOf(block),
    ).not.toThrow();
  }
});

test('JavaScript of a page is JavaScript', () => {
  for (const { text, ...block } of [...blocks('js'), ...blocks('mjs')]) {
    const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ESNext, allowJs: true };
    const { diagnostics = [] } = ts.transpileModule(text, {
      compilerOptions: options,
      fileName: 'block.mjs',
      reportDiagnostics: true,
    });
    expect(
      diagnostics.map(({ messageText }) => messageText),
      placeOf({ text, ...block }),
    ).toEqual([]);
  }
});

test('TypeScript of a page has the types that the library has', () => {
  // Below the package, so that `penstock` is found by its own name.
  const at = workspace();
  const programs = blocks('ts').filter(({ info }) => !info.includes('signature'));
  const files = programs.map((block, i) => {
    const file = at(`block-${i}.mts`);
    writeFileSync(file, `${block.text}\nexport {};\n`);
    return [file, block] as const;
  });
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2024.d.ts', 'lib.esnext.disposable.d.ts'],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    types: ['node'],
    typeRoots: [join(repository, 'node_modules/@types')],
  };
  const host = ts.createCompilerHost(options);
  const inRepository = join(repository, 'test/docs/block.ts');
  host.resolveModuleNameLiterals = (literals, containing, _, given) =>
    literals.map(({ text }) => {
      const from = containing.startsWith(at()) ? inRepository : containing;
      return ts.resolveModuleName(text, from, given, host, undefined, undefined, ts.ModuleKind.ESNext);
    });
  const program = ts.createProgram(
    files.map(([file]) => file),
    options,
    host,
  );
  const faults = files.flatMap(([file, block]) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText }) => `${placeOf(block)}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
    );
  });
  expect(faults).toEqual([]);
  expect(files.length).toBeGreaterThan(10);
});

test('a block of a language that nothing here understands says why it is not run', () => {
  const understood = ['sh', 'yaml', 'ts', 'js', 'mjs', 'json', '', 'text'];
  const silent = ALL.filter(({ language, notRun }) => !understood.includes(language) && notRun === undefined);
  expect(silent.map((block) => `${placeOf(block)}: ${block.language}`)).toEqual([]);
});
