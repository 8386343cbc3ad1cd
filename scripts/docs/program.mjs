// @ts-check
// The library's declarations, through TypeScript's compiler API: what the references of types and functions are made of.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The declarations that the build has written, which is what users get. Other packages' are left out: all that is said of
 * their types is their names, and reading them takes longer than everything else.
 */
export function declarations() {
  const options = {
    noEmit: true,
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: true,
    types: [],
    target: ts.ScriptTarget.ES2024,
    lib: ['lib.es2024.d.ts', 'lib.esnext.disposable.d.ts'],
  };
  const host = ts.createCompilerHost(options);
  host.resolveModuleNameLiterals = (literals, containingFile) =>
    literals.map(({ text }) => ({
      resolvedModule: text.startsWith('.')
        ? {
            resolvedFileName: join(dirname(containingFile), text.replace(/\.js$/, '.d.ts')),
            extension: ts.Extension.Dts,
          }
        : undefined,
    }));
  const program = ts.createProgram([join(root, 'dist/index.d.ts')], options, host);
  const checker = program.getTypeChecker();
  return {
    checker,
    /**
     * What is exported by a file of `src`, by name.
     * @param {string} file such as `measure/report`
     */
    exportsOf(file) {
      const source = program.getSourceFile(join(root, 'dist', `${file}.d.ts`));
      const module = source && checker.getSymbolAtLocation(source);
      if (module === undefined) throw new Error(`dist/${file}.d.ts is not there: run \`npm run build\``);
      const symbols = checker
        .getExportsOfModule(module)
        .map((symbol) =>
          symbol.flags & ts.SymbolFlags.Alias
            ? [symbol.name, checker.getAliasedSymbol(symbol)]
            : [symbol.name, symbol],
        );
      return new Map(/** @type {[string, ts.Symbol][]} */ (symbols));
    },
  };
}

/** @typedef {ReturnType<typeof declarations>} Declarations */

/**
 * The text of a docstring, paragraphs apart and otherwise without the line ends that are in the source.
 * @param {ts.Symbol} symbol
 * @param {ts.TypeChecker} checker
 */
export function docOf(symbol, checker) {
  return prose(ts.displayPartsToString(symbol.getDocumentationComment(checker)));
}

/**
 * Lines of a paragraph become one; indented ones and those of lists stay.
 * @param {string} text
 */
export function prose(text) {
  return text
    .trim()
    .split(/\n{2,}/)
    .map((paragraph) => (/^( {4}|- )/m.test(paragraph) ? paragraph : paragraph.replaceAll(/\s*\n\s*/g, ' ')))
    .join('\n\n');
}
