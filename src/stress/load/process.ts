import { answerParent } from '../child-side.js';
import type { GeneratorQuestions } from './generator.js';
import { play } from './play.js';

/* The load generator's process. */

const over = new AbortController();

answerParent<GeneratorQuestions>({ play: (order) => play(order, over.signal) }, async () => over.abort());
