import { Child } from '../child.js';
import type { LoadOrder, LoadResult } from './types.js';

export type GeneratorQuestions = {
  readonly play: { readonly question: LoadOrder; readonly answer: LoadResult };
};

/** Sends requests, from a process of its own. Whoever starts it disposes of it. */
export class LoadGenerator implements AsyncDisposable {
  readonly #child = new Child<GeneratorQuestions>(
    new URL('./process.js', import.meta.url),
    'the load generator',
  );

  play(order: LoadOrder): Promise<LoadResult> {
    return this.#child.ask('play', order);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#child[Symbol.asyncDispose]();
  }
}
