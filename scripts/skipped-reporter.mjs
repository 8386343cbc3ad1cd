// @ts-check
/**
 * A vitest reporter that lists the skipped tests with their reasons, which its default one leaves out of a long run
 * and its JSON one does not know.
 */
export default class SkippedReporter {
  /** @type {import('vitest/node').Vitest | undefined} */
  #vitest;

  /** @param {import('vitest/node').Vitest} vitest */
  onInit(vitest) {
    this.#vitest = vitest;
  }

  /** @param {readonly import('vitest/node').TestModule[]} modules */
  onTestRunEnd(modules) {
    // With -t, every test whose name does not match is skipped: that needs no list.
    const filtered = this.#vitest?.config.testNamePattern !== undefined;
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const result = test.result();
        const reason = result.state === 'skipped' ? result.note : undefined;
        if (reason === undefined && filtered) continue;
        const mode = test.options.mode === 'todo' ? 'to do' : 'no reason given';
        console.log(`skipped: ${module.relativeModuleId} > ${test.fullName}: ${reason ?? mode}`);
      }
    }
  }
}
