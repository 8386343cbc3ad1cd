import { availableParallelism } from 'node:os';
import { judgeAdapter, judgeGpus, judgePinning } from './devices.js';
import { isolated } from './isolated.js';
import { judgeLibraries } from './libraries.js';
import { inspectMachine, judgeMachine } from './machine.js';
import { inspectOnnxRuntime } from './onnxruntime.js';
import { judgePackage, OPTIONAL_PACKAGES, readManifest } from './packages.js';
import { judgeProvider, providersOf } from './providers.js';
import type { Diagnosis } from './types.js';

export interface DoctorOptions {
  /** What each probe may take, in seconds. Default: 30. */
  readonly probeLimitSeconds?: number;
}

/**
 * What can run on this machine: every provider of ONNX Runtime runs a tiny model and nothing is believed that was not
 * tried, each thing in a process of its own, since a broken driver may crash or hang.
 */
export async function diagnose({ probeLimitSeconds = 30 }: DoctorOptions = {}): Promise<Diagnosis> {
  const limitMs = probeLimitSeconds * 1000;
  const { version, optionalDependencies } = readManifest();
  const machine = inspectMachine();
  const runtime = inspectOnnxRuntime();
  const turn = inTurn(Math.max(2, availableParallelism()));
  const names = providersOf(process.platform);

  const [gpusOutcome, adapterOutcome, pinningOutcome, providerOutcomes, librariesOutcome, packages] =
    await Promise.all([
      turn(() => isolated(limitMs, 'gpus')),
      turn(() => isolated(limitMs, 'adapter')),
      turn(() => isolated(limitMs, 'pinning')),
      Promise.all(names.map((name) => turn(() => isolated(limitMs, 'provider', name)))),
      // One process for all: it only loads them, and most machines have none.
      runtime.libraries.length === 0
        ? undefined
        : turn(() => isolated(limitMs, 'libraries', runtime.libraries.join(','))),
      Promise.all(
        OPTIONAL_PACKAGES.map((one) =>
          turn(async () =>
            judgePackage(one, await isolated(limitMs, 'package', one.name), optionalDependencies, limitMs),
          ),
        ),
      ),
    ]);

  const gpus = judgeGpus(gpusOutcome, runtime, limitMs);
  const adapter = judgeAdapter(adapterOutcome, limitMs);
  const context = { runtime, adapter, hasNvidiaGpu: gpus.devices.length > 0, limitMs };
  const providers = providerOutcomes.map((outcome, i) => judgeProvider(names[i] as string, outcome, context));
  return {
    penstock: version,
    ok: providers.some(({ name, status }) => name === 'cpu' && status === 'ok'),
    probeLimitSeconds,
    machine,
    machineFindings: judgeMachine(machine),
    gpus,
    adapter,
    pinnedMemory: judgePinning(pinningOutcome, context.hasNvidiaGpu, limitMs),
    onnxruntime: {
      version: runtime.version,
      cudaWanted: runtime.cudaWanted,
      cudnnWanted: runtime.cudnnWanted,
    },
    providers,
    libraries: librariesOutcome ? judgeLibraries(librariesOutcome, runtime, limitMs) : [],
    packages,
  };
}

/** Runs at most `width` of the tasks that it is given at a time, in their order. */
function inTurn(width: number): <T>(task: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (task) => {
    // Whoever ends hands its place to the next one.
    if (running >= width) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running--;
      else next();
    }
  };
}
