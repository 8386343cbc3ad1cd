import { z } from 'zod';
import { autoOrWholeNumber, distinct, location, named, text, wholeNumber } from './fields.js';
import { modelKeywords, modelRule } from './model-rules.js';
import { obeys } from './rules.js';

/** The section `model` of the job file. */
export const model = z
  .strictObject(
    {
      uri: location('a path or URL of a model')
        .exactOptional()
        .meta({
          description:
            'The model: a path or a URL. A relative path starts at the folder of the job file. Only the simulated runtime ' +
            'needs none.',
          examples: ['model.onnx'],
        }),
      runtime: z
        .enum(['onnx', 'tensorflow', 'simulated', 'module'])
        .default('onnx')
        .meta({
          description:
            'What runs the model: onnx (ONNX Runtime), tensorflow, simulated: a device with a given service time, for ' +
            'measuring everything around it without a GPU, or module: an ES module of your own that exports load.',
        }),
      providers: distinct(text('the name of a provider'), 'a list of providers')
        .min(1, 'at least one provider')
        .exactOptional()
        .meta({
          description:
            'What the runtime computes with, tried in this order. onnx: execution providers, cuda, tensorrt, webgpu, cpu ' +
            'and so on, by default cpu. tensorflow: tfjs-node-gpu, tfjs-node, webgpu, wasm, by default all four. The ' +
            'report says which one really ran.',
          examples: [['cuda', 'cpu']],
        }),
      instances: autoOrWholeNumber()
        .default('auto')
        .meta({
          description:
            'Sessions per device, each with a thread of its own. auto begins by device, and on the machine’s own cores becomes ' +
            'more while the job runs, where a core is idle and it is faster by that.',
          examples: [2],
        }),
      isolation: z
        .enum(['thread', 'process'])
        .default('thread')
        .meta({
          description:
            'Where sessions live: in threads of this process, or each in a process of its own. A driver or library that ' +
            'crashes then takes only that process with it, which is started again.',
        }),
      runTimeoutMs: wholeNumber(1)
        .default(600_000)
        .meta({
          description:
            'Milliseconds that one run of the model may take. Where one takes longer, the device hangs: what is complete is ' +
            'written, and the job fails. With isolation: process, only its process is ended, as if it had crashed.',
          examples: [30_000],
        }),
      devices: distinct(wholeNumber(0), 'a list of numbers of devices')
        .min(1, 'at least one number of a device')
        .exactOptional()
        .meta({
          description:
            'The devices to run on, by their numbers: all take batches from the same ring, with as many sessions on each ' +
            'as instances says. For providers that number their devices, which are cuda, tensorrt and dml, and for the ' +
            'simulated runtime; others have one, [0]. By default the one that options.deviceId names, or 0.',
          examples: [[0, 1]],
        }),
      options: named(z.unknown())
        .default({})
        .meta({
          description:
            'What the runtime takes. onnx: options of ONNX Runtime’s sessions, by its names, such as ' +
            'graphOptimizationLevel, intraOpNumThreads, freeDimensionOverrides and extra; deviceId, allowSoftware, and ' +
            'webgpu for that provider’s own. simulated: batchMicros and rowMicros: a batch takes batchMicros + rows × ' +
            'rowMicros microseconds. tensorflow: allowSoftware, wasmPath, tags and signature.',
          examples: [{ intraOpNumThreads: 2 }],
        }),
    },
    'a mapping with the uri of a model',
  )
  .superRefine(obeys(modelRule))
  .meta(modelKeywords);
