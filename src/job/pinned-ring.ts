import type { Report } from '../measure/report.js';
import type { Ring } from '../ring/ring.js';
import { PinnedArena } from '../session/pinned/pinned-arena.js';
import { canPin, ordinalOf } from '../session/pinned/policy.js';
import type { SessionDevice, StagingMemory } from '../session/types.js';
import { messageOf, UsageError } from '../util/errors.js';
import type { Job } from './schema.js';

type Told = NonNullable<Report['memory']['pinned']>;

/** What of a job decides whether its memory is pinned. */
interface PinnedJob {
  readonly ring: Pick<Job['ring'], 'pinned'>;
  readonly model: Pick<Job['model'], 'isolation'>;
}

/**
 * Whether a job's memory is to be pinned on the device that its model is on.
 *
 * @throws UsageError where it must be, and that device has no use for it
 */
export function isToBePinned(
  { ring: { pinned }, model: { isolation } }: PinnedJob,
  device: SessionDevice,
): boolean {
  const key = 'ring.pinned';
  if (pinned === false) return false;
  if (!canPin(device)) {
    if (pinned === 'auto') return false;
    const why = `only cuda and tensorrt copy slots to a GPU, and the model is on ${device.id} (${device.provider})`;
    throw new UsageError(`ring.pinned: true is not to be had: ${why}`, {
      key,
      hint: 'Leave ring.pinned out: then memory is pinned where that is of use.',
    });
  }
  if (isolation === 'thread') return true;
  if (pinned === 'auto') return false;
  const why = 'a session in a process of its own takes batches out of memory that is not the ring';
  throw new UsageError(`ring.pinned: true and model.isolation: process exclude each other: ${why}`, { key });
}

/**
 * Registers the slots of a ring with the driver of the GPU, those in use first and others as they are put to use. Where
 * sessions copy slots into memory of their own, that memory is what they pin, and the ring stays as it is.
 */
export class PinnedRing implements AsyncDisposable {
  readonly #ring: Ring;
  readonly #isRequired: boolean;
  #arena: PinnedArena | undefined;
  #slots = 0;
  #told: Told;

  private constructor(ring: Ring, isRequired: boolean, told: Told) {
    this.#ring = ring;
    this.#isRequired = isRequired;
    this.#told = told;
  }

  /**
   * @param stagings what each of the sessions copies slots into, where it does
   * @param library in place of the driver's own, for tests
   * @throws DeviceError where memory must be pinned and can't be
   */
  static async pin(
    ring: Ring,
    device: SessionDevice,
    { ring: { pinned } }: PinnedJob,
    stagings: readonly (StagingMemory | undefined)[],
    library?: string,
  ): Promise<PinnedRing> {
    const isRequired = pinned === true;
    const staged = stagings.filter((staging) => staging !== undefined);
    if (staged.length > 0) {
      const bytes = staged.reduce((sum, { pinnedBytes }) => sum + pinnedBytes, 0);
      return new PinnedRing(
        ring,
        isRequired,
        told('staging', bytes, staged.find(({ error }) => error)?.error),
      );
    }
    const own = new PinnedRing(ring, isRequired, told('ring', 0));
    own.#arena = new PinnedArena(ring.memory.arena, ordinalOf(device), library);
    try {
      await own.#cover(ring.slotsInUse);
    } catch (error) {
      await own[Symbol.asyncDispose]();
      throw error;
    }
    return own;
  }

  /** For the report. */
  get told(): Told {
    return this.#told;
  }

  get warnings(): readonly string[] {
    const { error } = this.#told;
    if (error === undefined) return [];
    return [`memory is not pinned, and copies to the GPU take longer: ${error} (penstock doctor tells more)`];
  }

  /** Slots are put to use. Until they are pinned, too, they are copied as any memory is. */
  grow(slots: number): void {
    if (this.#arena !== undefined) void this.#cover(slots);
  }

  async #cover(slots: number): Promise<void> {
    const { slotBytes } = this.#ring.layout;
    const from = this.#slots;
    if (slots <= from || this.#told.error !== undefined) return;
    this.#slots = slots;
    try {
      await this.#arena?.pin(this.#ring.slotStart(from), this.#ring.slotStart(slots));
      this.#told = told('ring', this.#told.bytes + (slots - from) * slotBytes);
    } catch (error) {
      // Of those that come later a job can do without.
      if (this.#isRequired && from === 0) throw error;
      this.#told = told('ring', this.#told.bytes, messageOf(error));
    }
  }

  /** Unpins all; once nobody runs batches out of the ring any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#arena?.[Symbol.asyncDispose]();
  }
}

function told(what: Told['what'], bytes: number, error?: string): Told {
  return { bytes, what, ...(error !== undefined && { error }) };
}
