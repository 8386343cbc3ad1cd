import { readFileSync } from 'node:fs';
import type { PackageAnswer } from './child/package.js';
import { describeFailure, type Outcome } from './isolated.js';
import type { PackageFinding } from './types.js';

/** TensorFlow.js packages fit each other at one version only. */
const TFJS = '4.22.0';
const LIBTENSORFLOW =
  'Its install script fetches libtensorflow, and did not: npm rebuild the package where the network lets it, with scripts allowed.';

interface OptionalPackage {
  readonly name: string;
  readonly whatFor: string;
  /** Where package.json does not name it: it is a user's own choice. */
  readonly wanted?: string;
  readonly whenBroken?: string;
}

/** What Penstock uses where it is there. */
export const OPTIONAL_PACKAGES: readonly OptionalPackage[] = [
  { name: 'opendal', whatFor: 'data in S3, Google Cloud Storage, Azure and behind HTTP' },
  { name: 'koffi', whatFor: "asking NVIDIA's driver what the GPU does, and pinned memory" },
  { name: 'webgpu', whatFor: 'TensorFlow.js on WebGPU, and the name of the adapter' },
  { name: '@tensorflow/tfjs-core', whatFor: 'TensorFlow models' },
  { name: '@tensorflow/tfjs-converter', whatFor: 'TensorFlow graph models' },
  { name: '@tensorflow/tfjs-layers', whatFor: 'TensorFlow layers models' },
  { name: '@tensorflow/tfjs-backend-wasm', whatFor: 'TensorFlow models on the CPU' },
  { name: '@tensorflow/tfjs-backend-webgpu', whatFor: 'TensorFlow models on WebGPU' },
  {
    name: '@tensorflow/tfjs-node',
    whatFor: 'TensorFlow SavedModels on the CPU',
    wanted: TFJS,
    whenBroken: LIBTENSORFLOW,
  },
  {
    name: '@tensorflow/tfjs-node-gpu',
    whatFor: 'TensorFlow SavedModels on CUDA',
    wanted: TFJS,
    whenBroken: LIBTENSORFLOW,
  },
];

/** Penstock's own version, and those of optional packages that it is tested with. */
export function readManifest(): { version: string; optionalDependencies: Record<string, string> } {
  const { version, optionalDependencies = {} } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  ) as { version: string; optionalDependencies?: Record<string, string> };
  return { version, optionalDependencies };
}

export function judgePackage(
  { name, whatFor, wanted: own, whenBroken }: OptionalPackage,
  outcome: Outcome<PackageAnswer>,
  versions: Readonly<Record<string, string>>,
  limitMs: number,
): PackageFinding {
  const wanted = versions[name] ?? own ?? null;
  const install = `npm install ${name}${wanted === null ? '' : `@${wanted}`}`;
  const finding = { name, wanted, version: null, todo: [] };
  if (outcome.kind !== 'answered') {
    const detail = `does not load: ${describeFailure(outcome, limitMs)} (for ${whatFor})`;
    return { ...finding, status: 'broken', detail, todo: [whenBroken ?? install] };
  }
  const { answer } = outcome;
  if (answer.kind === 'absent') {
    return { ...finding, status: 'absent', detail: `not installed: for ${whatFor}`, todo: [install] };
  }
  const { version } = answer;
  if (answer.kind === 'failed') {
    const [line] = answer.message.trim().split('\n');
    const detail = `${version ?? ''} does not load: ${line} (for ${whatFor})`.trimStart();
    return { ...finding, version, status: 'broken', detail, todo: [whenBroken ?? install] };
  }
  // Only an exact version says that no other will do.
  if (wanted !== null && /^\d/.test(wanted) && version !== wanted) {
    const detail = `${version ?? 'unknown version'}, where ${wanted} is wanted: for ${whatFor}`;
    return { ...finding, version, status: 'broken', detail, todo: [install] };
  }
  return { ...finding, version, status: 'ok', detail: `${version ?? ''}: for ${whatFor}`.replace(/^: /, '') };
}
