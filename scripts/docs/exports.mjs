// @ts-check
// The reference of what the library exports: signatures and docstrings.
import ts from 'typescript';
import { code, table } from './markdown.mjs';
import { docOf, prose } from './program.mjs';

/** Rooms whose exports belong together, in the order of the page; what is declared elsewhere stands under its room's name. */
const CHAPTERS = [
  ['Jobs', /^job\/(run-job|load|schema|json-schema)$/],
  ['Loaders and transforms', /^(job\/loader|produce\/)/],
  ['Reports and pages', /^(measure|page)\//],
  ['Benchmarks', /^bench\//],
  ['Serving', /^serve\//],
  ['Stress tests', /^stress\//],
  ['Runtimes of your own', /^session\//],
  ['Errors', /^util\/errors$/],
];

/**
 * @param {import('./program.mjs').Declarations} declarations
 * @returns {string[]} blocks of Markdown: a heading a chapter, and one an export
 */
export function exportReference({ checker, exportsOf }) {
  const exported = exportsOf('index');
  /** @type {Map<string, string[]>} */
  const chapters = new Map(CHAPTERS.map(([title]) => [String(title), []]));
  const functionsFirst = [...exported].sort((a, b) => rank(a[1]) - rank(b[1]));
  for (const [name, symbol] of functionsFirst) {
    const chapter = chapterOf(symbol);
    chapters.set(chapter, [...(chapters.get(chapter) ?? []), ...entry(name, symbol)]);
  }
  return [...chapters].flatMap(([title, blocks]) => (blocks.length > 0 ? [`## ${title}`, ...blocks] : []));

  /**
   * @param {string} name
   * @param {ts.Symbol} symbol
   * @returns {string[]}
   */
  function entry(name, symbol) {
    const declaration = declarationOf(symbol);
    const { params, throws, examples } = tagsOf(declaration);
    const doc = docOf(symbol, checker);
    return [
      `### ${code(name)}`,
      doc,
      ...signature(name, declaration, wordsOf(symbol)),
      ...(params.length > 0 ? [params.map(([param, text]) => `- ${code(param)}: ${text}`).join('\n')] : []),
      ...throws.map((text) => `**Throws** ${text}`),
      ...examples.map((text) => block('ts', withImports(text))),
      ...members(declaration),
    ].filter((text) => text !== '');
  }

  /**
   * A type that is a choice of words, however it is declared; else undefined.
   * @param {ts.Symbol} symbol
   */
  function wordsOf(symbol) {
    if (!(symbol.flags & ts.SymbolFlags.TypeAlias)) return undefined;
    const type = checker.getDeclaredTypeOfSymbol(symbol);
    if (!type.isUnion() || !type.types.every((one) => one.isStringLiteral())) return undefined;
    return type.types.map((one) => (one.isStringLiteral() ? `'${one.value}'` : '')).join(' | ');
  }

  /**
   * An example with the line that it needs to be a whole program.
   * @param {string} example
   */
  function withImports(example) {
    const used = [...exported.keys()].filter((name) =>
      new RegExp(`\\b${name}\\(|\\b${name}\\b *\\}`).test(example),
    );
    return `import { ${used.sort().join(', ')} } from 'penstock';\n\n${example}`;
  }

  /**
   * What an interface or a class has, one a line.
   * @param {ts.Declaration} declaration
   * @returns {string[]}
   */
  function members(declaration) {
    if (!ts.isInterfaceDeclaration(declaration) && !ts.isClassDeclaration(declaration)) return [];
    const rows = [...declaration.members].flatMap((member) => {
      const isMember =
        ts.isPropertySignature(member) ||
        ts.isPropertyDeclaration(member) ||
        ts.isMethodSignature(member) ||
        ts.isMethodDeclaration(member);
      const symbol = isMember ? checker.getSymbolAtLocation(member.name) : undefined;
      if (!isMember || symbol === undefined || ts.isPrivateIdentifier(member.name)) return [];
      return [[code(nameOf(member)), code(typeText(member)), docOf(symbol, checker)]];
    });
    return rows.length > 0 ? [table(['member', 'type', 'meaning'], rows)] : [];
  }
}

/** @param {ts.Symbol} symbol */
function declarationOf(symbol) {
  const [declaration] = symbol.declarations ?? [];
  if (declaration === undefined) throw new Error(`${symbol.name} is declared nowhere`);
  return declaration;
}

/** @param {ts.Symbol} symbol */
function chapterOf(symbol) {
  const file = declarationOf(symbol).getSourceFile().fileName;
  const [, place = ''] = /dist\/(.*)\.d\.ts$/.exec(file) ?? [];
  const [title] = CHAPTERS.find(([, pattern]) => /** @type {RegExp} */ (pattern).test(place)) ?? [];
  const room = place.split('/')[0] ?? '';
  return String(title ?? room.charAt(0).toUpperCase() + room.slice(1));
}

/**
 * Functions first, then classes, then types; within these the order of the index.
 * @param {ts.Symbol} symbol
 */
function rank(symbol) {
  const declaration = declarationOf(symbol);
  if (ts.isFunctionDeclaration(declaration)) return 0;
  return ts.isClassDeclaration(declaration) ? 1 : 2;
}

/** @param {ts.Declaration} declaration */
function tagsOf(declaration) {
  /** @type {{ params: [string, string][], throws: string[], examples: string[] }} */
  const tags = { params: [], throws: [], examples: [] };
  for (const tag of ts.getJSDocTags(declaration)) {
    const text = ts.getTextOfJSDocComment(tag.comment) ?? '';
    if (ts.isJSDocParameterTag(tag)) tags.params.push([tag.name.getText(), prose(text)]);
    else if (tag.tagName.text === 'throws') tags.throws.push(thrown(tag));
    else if (tag.tagName.text === 'example') tags.examples.push(text.trim());
  }
  return tags;
}

/**
 * TypeScript takes the first word after `@throws` for the type of what is thrown.
 * @param {ts.JSDocTag} tag
 */
function thrown(tag) {
  const text = tag
    .getText()
    .replaceAll(/\n\s*\* ?/g, ' ')
    .replace(/^@throws\s*/, '');
  return prose(text.replace(/[\s*]+$/, '')).replaceAll(/\b(\w+Error|Refusal)\b/g, '`$1`');
}

/**
 * @param {string} name
 * @param {ts.Declaration} declaration
 * @param {string | undefined} words of a type that is a choice of them
 * @returns {string[]}
 */
function signature(name, declaration, words) {
  if (ts.isFunctionDeclaration(declaration)) {
    const parameters = declaration.parameters.map((parameter) => bare(parameter.getText())).join(', ');
    return [
      block(
        'ts signature',
        `function ${name}(${parameters}): ${bare(declaration.type?.getText() ?? 'void')}`,
      ),
    ];
  }
  if (ts.isTypeAliasDeclaration(declaration)) {
    return [block('ts signature', `type ${name} = ${words ?? unindented(declaration.type.getText())}`)];
  }
  if (ts.isInterfaceDeclaration(declaration) || ts.isClassDeclaration(declaration)) {
    const kind = ts.isClassDeclaration(declaration) ? 'class' : 'interface';
    const heritage = (declaration.heritageClauses ?? []).map((clause) => ` ${clause.getText()}`).join('');
    return heritage === '' ? [] : [block('ts signature', `${kind} ${name}${heritage}`)];
  }
  return [];
}

/** @param {ts.PropertySignature | ts.PropertyDeclaration | ts.MethodSignature | ts.MethodDeclaration} member */
function nameOf(member) {
  return member.name.getText() + (member.questionToken === undefined ? '' : '?');
}

/** @param {ts.PropertySignature | ts.PropertyDeclaration | ts.MethodSignature | ts.MethodDeclaration} member */
function typeText(member) {
  const value = ts.isPropertyDeclaration(member) ? member.initializer : undefined;
  const type = bare(member.type?.getText() ?? value?.getText() ?? 'unknown').replaceAll('"', "'");
  if (ts.isPropertySignature(member) || ts.isPropertyDeclaration(member)) return type;
  const parameters = member.parameters.map((parameter) => bare(parameter.getText())).join(', ');
  return `(${parameters}) => ${type}`;
}

/**
 * A type on one line, without comments, and without what does not matter to a reader.
 * @param {string} text
 */
function bare(text) {
  return text
    .replaceAll(/\/\*\*.*?\*\//gs, '')
    .replaceAll(/\breadonly /g, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/; \}/g, ' }')
    .trim();
}

/** @param {string} text */
function unindented(text) {
  return text.replaceAll(/^ {4}/gm, '  ').replaceAll(/\breadonly /g, '');
}

/**
 * @param {string} info
 * @param {string} text
 */
function block(info, text) {
  return `\`\`\`${info}\n${text}\n\`\`\``;
}
