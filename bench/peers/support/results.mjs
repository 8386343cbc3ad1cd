import { median } from '../../support/stats.mjs';

/** What was measured, by peer and case, and why some of it was not. */
export class Results {
  #values = new Map();
  #failures = new Map();
  /** Name → versions: environments may have different ones. */
  #versions = new Map();

  add(peer, one, result) {
    const key = `${peer.id}/${one.key}`;
    if (!this.#values.has(key)) this.#values.set(key, []);
    const { versions, ...measured } = result;
    this.#values.get(key).push(measured);
    for (const [name, version] of Object.entries(versions)) {
      this.#versions.set(name, (this.#versions.get(name) ?? new Set()).add(version));
    }
  }

  /** A peer that failed at a case is not asked again. */
  fail(peer, one, reason) {
    this.#failures.set(`${peer.id}/${one.key}`, reason);
  }

  failure(peer, one) {
    return this.#failures.get(`${peer.id}/${one.key}`);
  }

  /** Reasons, each with the peer and the cases that it stood in the way of. */
  failures() {
    const cases = new Map();
    for (const [key, reason] of this.#failures) {
      const [peer, one] = key.split('/');
      const said = `${peer}: ${reason}`;
      cases.set(said, [...(cases.get(said) ?? []), one]);
    }
    return [...cases].map(([said, keys]) => `${said} (${keys.join('; ')})`);
  }

  /** One number of each repeat. */
  values(peer, one, pick) {
    return (this.#values.get(`${peer.id}/${one.key}`) ?? []).map(pick);
  }

  /** Of these peers, the one with the largest median; undefined where none was measured. */
  best(peers, one, pick) {
    const measured = peers
      .map((peer) => ({ peer, values: this.values(peer, one, pick) }))
      .filter(({ values }) => values.length > 0);
    return measured.sort((a, b) => median(b.values) - median(a.values))[0];
  }

  /** `name version` of all that took part. */
  get versions() {
    return [...this.#versions].map(([name, versions]) => `${name} ${[...versions].join(' and ')}`).sort();
  }

  toJSON() {
    return {
      versions: this.versions,
      measured: Object.fromEntries(this.#values),
      failures: Object.fromEntries(this.#failures),
    };
  }
}
