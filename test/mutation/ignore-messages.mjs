import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';

// Tests look for what matters in an error's text, its figures and the key, not for every word of it: a mutant that empties
// a part of the sentence tells nothing about the code.
export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'error-messages', {
    shouldIgnore(path) {
      const isText = path.isStringLiteral() || path.isTemplateLiteral();
      return isText && path.findParent((parent) => parent.isThrowStatement()) !== null
        ? 'the text of an error'
        : undefined;
    },
  }),
];
