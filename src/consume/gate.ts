import { EVENT, GatePage, type GatePlace, MemberState, memberOwner } from './gate-page.js';

/** A consumer's side of the gate. */
export class Gate {
  readonly #page: GatePage;
  readonly #member: number;

  constructor({ gate, member }: GatePlace) {
    this.#page = new GatePage(gate);
    this.#member = member;
  }

  /**
   * Waits for the device. False where `isStopped` before it was granted: whoever stops it wakes it (`GateControl.wake`).
   *
   * @param since when rows began to wait for company, which the device may have been idle for
   */
  enter(isStopped: () => boolean, since = Number.POSITIVE_INFINITY): boolean {
    const page = this.#page;
    const member = this.#member;
    const owner = memberOwner(member);
    if (page.state(member) === MemberState.IDLE) {
      page.mutex.lock(owner);
      page.enter(member, since);
      page.grant(page.moment(), member);
      page.mutex.unlock();
    }
    const event = page.word(member, EVENT);
    for (;;) {
      const ticket = Atomics.load(page.words, event);
      if (page.state(member) === MemberState.GRANTED) return true;
      if (isStopped()) {
        this.leave();
        return false;
      }
      Atomics.wait(page.words, event, ticket);
    }
  }

  /**
   * Gives the device back. `more`: there is something more to run, so it waits again, among the others: in the same step,
   * else it would never be among those who come next. Whoever finds then that there is nothing after all calls `leave`.
   */
  giveBack(more: boolean): void {
    const page = this.#page;
    const member = this.#member;
    page.mutex.lock(memberOwner(member));
    const at = page.moment();
    if (page.state(member) === MemberState.GRANTED) page.giveBack(member, at);
    if (more) page.enter(member, Number.POSITIVE_INFINITY);
    page.grant(at, member);
    page.mutex.unlock();
  }

  /** Neither waits nor holds the device any more. */
  leave(): void {
    const page = this.#page;
    const member = this.#member;
    // Only the others may make it GRANTED meanwhile, and only where it waits.
    if (page.state(member) === MemberState.IDLE) return;
    page.mutex.lock(memberOwner(member));
    const at = page.moment();
    if (page.state(member) === MemberState.WAITING) page.leave(member);
    else if (page.state(member) === MemberState.GRANTED) page.giveBack(member, at);
    page.grant(at, member);
    page.mutex.unlock();
  }
}
