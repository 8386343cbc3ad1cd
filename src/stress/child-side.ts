import { messageOf, toRecord } from '../util/errors.js';
import type { Answered, Asked, Questions } from './child.js';

type Handlers<Q extends Questions> = {
  readonly [K in keyof Q]: (question: Q[K]['question']) => Promise<Q[K]['answer']>;
};

/**
 * Answers what the parent asks, until it lets go or is gone; then the process puts its things away and ends. A terminal's
 * Ctrl-C reaches all processes of a group: the parent says when it is over.
 */
export function answerParent<Q extends Questions>(
  handlers: Handlers<Q>,
  close: () => Promise<void> = async () => {},
): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.on('message', async (message) => {
    const { id, kind, question } = message as Asked;
    // A parent that is gone, or goes meanwhile, wants no answer.
    const reply = (answered: Answered): void => {
      if (process.connected) process.send?.(answered, undefined, undefined, () => {});
    };
    try {
      const handler = handlers[kind];
      if (handler === undefined) throw new Error(`nobody here knows ${kind}`);
      reply({ id, answer: await handler(question) });
    } catch (error) {
      reply({ id, error: toRecord(error) });
    }
  });
  process.once('disconnect', () => {
    close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${messageOf(error)}\n`);
        process.exit(1);
      },
    );
  });
}
