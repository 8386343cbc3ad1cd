import { readTrack, Traced, type TraceMemory, type TraceRecord, type TraceTrack } from '../clock/trace.js';

/** A stretch of a run of which everything was recorded that any thread did. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  /** By track, each in the order of time. */
  readonly tracks: readonly (readonly TraceRecord[])[];
}

/**
 * What was recorded from `from` to `to`, microseconds of `now()`: in one stretch, or, where more happened than there was
 * room for, in two, with the middle missing. That is the same time for every thread, so that what is there fits
 * together.
 */
export function stretchesOf(
  memory: TraceMemory,
  from: number,
  to: number,
): { stretches: Stretch[]; lost: number } {
  const tracks = Array.from({ length: memory.tracks }, (_, track) => readTrack(memory, track));
  const full = tracks.filter(({ lost }) => lost > 0);
  if (full.length === 0) {
    return {
      stretches: [{ from, to, tracks: tracks.map(({ first, latest }) => [...first, ...latest]) }],
      lost: 0,
    };
  }
  const stop = Math.min(...full.map(({ first }) => first.at(-1)?.at ?? from));
  const resume = Math.max(...full.map(({ latest }) => latest[0]?.at ?? to));
  return {
    stretches: [
      { from, to: stop, tracks: tracks.map((track) => until(track, stop)) },
      { from: resume, to, tracks: tracks.map((track) => since(track, resume)) },
    ],
    lost: full.reduce((sum, { lost }) => sum + lost, 0),
  };
}

function until({ first, latest }: TraceTrack, stop: number): TraceRecord[] {
  return [...first, ...latest].filter(({ at }) => at <= stop);
}

/** From the state on that the thread was in then, where it is known. */
function since({ first, latest, lost }: TraceTrack, resume: number): TraceRecord[] {
  const records = lost > 0 ? latest : [...first, ...latest];
  const before = records.filter(({ at, kind }) => at < resume && kind === Traced.state).slice(-1);
  return [
    ...before.map((record) => ({ ...record, at: resume })),
    ...records.filter(({ at }) => at >= resume),
  ];
}
