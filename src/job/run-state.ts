import { now } from '../clock/now.js';
import { type ClockPage, ClockReader, ConsumerState, ProducerState } from '../clock/state-clock.js';
import { Header, RingStatus, SlotState, SlotWord } from '../ring/protocol.js';
import type { Ring } from '../ring/ring.js';

/** Slots that are described one by one; of others only how many there are. */
const MOST_SLOTS = 32;

/** The state of everything in a run, for people who look for a fault: a few lines. */
export function dumpOf({
  ring,
  producers,
  consumers,
  parts,
}: {
  readonly ring: Ring;
  readonly producers: ClockPage;
  readonly consumers: ClockPage;
  readonly parts: () => number;
}): string {
  const { words, config, slotsInUse, mutex } = ring;
  const waiters = [Header.READY_WAITERS, Header.FREE_WAITERS, Header.DONE_WAITERS].map((word) => words[word]);
  return [
    `ring: ${nameOf(RingStatus, ring.status)}, lock ${mutex.owner === 0 ? 'free' : `held by ${mutex.owner}`}, ` +
      `asleep until a slot is ready ${waiters[0]}, free ${waiters[1]}, done ${waiters[2]}`,
    `splits: ${words[Header.FIRST_SPLIT]} of ${config.splits} done in a row, ${words[Header.NEXT_SPLIT]} taken; ${parts()} parts committed`,
    ...Array.from({ length: Math.min(slotsInUse, MOST_SLOTS) }, (_, slot) => slotText(ring, slot)),
    ...(slotsInUse > MOST_SLOTS ? [`… ${slotsInUse - MOST_SLOTS} more slots`] : []),
    ...clocksText('producer', producers, ProducerState),
    ...clocksText('consumer', consumers, ConsumerState),
  ].join('\n');
}

function slotText(ring: Ring, slot: number): string {
  const [claimed, settled, voided] = [SlotWord.CLAIMED, SlotWord.SETTLED, SlotWord.VOIDED].map((word) =>
    ring.slotWord(slot, word),
  );
  const state = nameOf(SlotState, ring.state(slot));
  return `slot ${slot}: ${state}, ${claimed} rows claimed, ${settled} settled, ${voided} void`;
}

function clocksText(who: string, page: ClockPage, states: Readonly<Record<string, number>>): string[] {
  const clocks = new ClockReader(page);
  const lines: string[] = [];
  for (let clock = 0; clock < clocks.count; clock++) {
    const { state, since } = clocks.current(clock);
    if (since === 0) continue;
    lines.push(`${who} ${clock}: ${nameOf(states, state)} for ${((now() - since) / 1e6).toFixed(1)} s`);
  }
  return lines;
}

function nameOf(names: Readonly<Record<string, number>>, value: number): string {
  return (Object.entries(names).find(([, known]) => known === value)?.[0] ?? String(value)).toLowerCase();
}
