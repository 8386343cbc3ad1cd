import type { ServeConfig } from '../serve/schema.js';
import { InterruptedError, UsageError } from '../util/errors.js';
import { LoadGenerator } from './load/generator.js';
import type { StressOptions } from './options.js';
import { StressTracker } from './progress.js';
import { scenariosOf } from './scenarios/scenarios.js';
import { StressTest } from './stress-test.js';
import { endpointsOf, mainEndpoint } from './subjects.js';
import type { TraceFile } from './trace-file.js';
import type { StressReport } from './types.js';

/**
 * Puts realistic load on a server with this configuration, and on one that answers request by request, both on this machine in
 * processes of their own: first as much as they can take, then one scenario after another.
 *
 * @example
 * const report = await stressTest(await loadServeConfig('serve.yaml'), { quick: true });
 * console.log(report.capacity.ratio, report.findings);
 *
 * @throws UsageError for a scenario or an endpoint that is not there; DeviceError where a server does not start, or does not
 *   answer; InterruptedError
 */
export async function stressTest(config: ServeConfig, options: StressOptions = {}): Promise<StressReport> {
  const { signal = new AbortController().signal } = options;
  const main = mainEndpoint(config, options.endpoint);
  const chosen = scenariosOf(options.scenarios ?? []);
  checkTrace(config, options.trace);
  using tracker = new StressTracker(options.onProgress);
  try {
    await using generator = new LoadGenerator();
    // What is asked of a process that is gone is answered with an error at once.
    const stop = (): void => void generator[Symbol.asyncDispose]();
    signal.addEventListener('abort', stop, { once: true });
    try {
      return await new StressTest(config, main, chosen, options, signal, tracker, generator).run();
    } finally {
      signal.removeEventListener('abort', stop);
    }
  } catch (error) {
    if (signal.aborted)
      throw new InterruptedError('interrupted: a stress test leaves nothing behind', { cause: error });
    throw error;
  }
}

function checkTrace(config: ServeConfig, trace: TraceFile | undefined): void {
  for (const { endpoint } of trace?.streams ?? []) {
    const names = endpointsOf(config).map(({ name }) => name);
    if (endpoint === undefined || names.includes(endpoint)) continue;
    throw new UsageError(`--trace: ${trace?.file}: there is no endpoint ${endpoint}`, {
      ...(trace === undefined ? {} : { file: trace.file }),
      hint: `There ${names.length === 1 ? 'is' : 'are'} ${names.join(', ')}.`,
    });
  }
}
