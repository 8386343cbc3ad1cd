import type { Bottleneck } from '../measure/report.js';
import { percent } from '../util/figures.js';
import { efficiencyOf, type Facts, lowestOf, lowestStage } from './conclusions.js';
import type { WhatIf } from './types.js';

/** A gain below this is not worth a change. */
const WORTH = 0.03;
/** Below this, a pipeline leaves on the table what its stages can do. */
const EFFICIENT = 0.85;

/** What to do, in some sentences: `sharesCores` where the model runs on the cores that the producers need. */
export function adviceFrom(
  facts: Facts,
  limitedBy: Bottleneck,
  whatIf: readonly WhatIf[],
  sharesCores: boolean,
): string {
  // Where the ceilings do not explain the pipeline, neither do they tell what a change would bring.
  const isExplained = limitedBy === lowestStage(facts);
  const change = isExplained ? changeSentence(limitedBy, whatIf) : facts.report.advice;
  const sentences = [limitSentence(facts, limitedBy), change];
  return [...sentences, ...lossSentences(facts, sharesCores)].join(' ');
}

const WHAT: Readonly<Record<Bottleneck, string>> = {
  device: 'The device limits',
  fetch: 'Storage limits',
  prep: 'Preparing rows limits (decoding, transforming, collating)',
  sink: 'The sink limits',
  batching: 'Waiting for company limits (rows wait in batches that are not full)',
};

function limitSentence(facts: Facts, limitedBy: Bottleneck): string {
  const reached = Math.min(1, facts.pipeline / lowestOf(facts.ceilings));
  return `${WHAT[limitedBy]}: the pipeline reaches ${percent(reached)} of what its slowest stage does alone.`;
}

function changeSentence(limitedBy: Bottleneck, whatIf: readonly WhatIf[]): string {
  const [best] = whatIf;
  if (best === undefined || best.gain < WORTH) return WITHOUT_BETTER[limitedBy];
  const gain = `up to ${percent(best.gain)} more`;
  if (best.change === 'storage') return `Storage twice as fast would bring ${gain}.`;
  if (best.change === 'sink') {
    return `A sink twice as fast would bring ${gain}: a faster disk, or fewer columns in sink.keep.`;
  }
  return `${best.change}: ${best.to} instead of ${best.from} would bring ${gain}.`;
}

const WITHOUT_BETTER: Readonly<Record<Bottleneck, string>> = {
  device: 'No larger batch, and no other instance, would help: only a faster device, or a smaller model.',
  fetch: 'Only faster storage, a cache (source.cache), or fewer bytes a row would help.',
  prep: 'Another producer would not help: make rows cheaper to prepare, or give the job more cores.',
  batching: 'Lower batch.maxDelayMs or batch.size, or raise ring.slots.',
  sink: 'Only a faster disk, fewer columns in sink.keep, or smaller outputs would help.',
};

function lossSentences(facts: Facts, sharesCores: boolean): string[] {
  if (efficiencyOf(facts) >= EFFICIENT) return [];
  return sharesCores
    ? [
        'Alone each stage has all cores, together they share them: that is what is lost, and what more cores, or a device of its own for the model, would bring back.',
      ]
    : [
        'Together the stages do less than each alone: what the device waited for in the pipeline tells why; more ring.slots even out what comes in bursts.',
      ];
}
