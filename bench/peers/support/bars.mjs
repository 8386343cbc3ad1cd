import { ratios } from '../../support/stats.mjs';
import { isOurs, reads } from './peers.mjs';

/** Ratios with the bars of the project, in the form of ../../support/table.mjs. Repeats are compared pair by pair. */
export function barsOf({ results, peers, loader, endToEnd }) {
  const ours = peers.filter(isOurs);
  const others = peers.filter((peer) => !isOurs(peer));
  const named = (...ids) => others.filter(({ id }) => ids.includes(id));
  const rows = [];

  /** The better of ours against the best of `against`, in each case. */
  const compare = (one, said, pick, against, bar, mine = ours) => {
    const us = results.best(mine, one, pick);
    const them = results.best(
      against.filter((peer) => reads(peer, one.format)),
      one,
      pick,
    );
    if (us === undefined || them === undefined) return;
    const what = `${said}, ${one.key}: ${us.peer.name} ÷ ${them.peer.name}`;
    const length = Math.min(us.values.length, them.values.length);
    const values = ratios(us.values.slice(0, length), them.values.slice(0, length));
    rows.push({ what, unit: '×', values, bar: { least: bar } });
  };

  for (const consumer of ['touch', 'copy']) {
    const pick = (result) => result[consumer].rowsPerSecond;
    const said = consumer === 'touch' ? 'loader, one number read' : 'loader, batches copied';
    for (const one of loader) {
      compare(
        one,
        said,
        pick,
        others.filter(({ overlaps }) => overlaps),
        10,
      );
      compare(one, said, pick, named('pytorch-0'), 1.2);
      compare(one, said, pick, named('numpy'), 0.8);
      const single = ours.filter(({ workers }) => workers === 1);
      compare(one, said, pick, named('pyarrow'), 1.5, single);
    }
  }
  for (const one of endToEnd) {
    const pick = ({ rows: count, seconds }) => count / seconds;
    // Where the model takes all the time, nobody can be faster than it; nor must anybody be faster than we.
    compare(one, 'end to end', pick, others, one.kind === 'digits' ? 1 : 1.2);
  }
  return rows;
}
