// What both comparisons do with their options, on their machine and when they are interrupted.
import { availableParallelism, cpus, totalmem } from 'node:os';

/**
 * Those that `--only` names, or all; where it names another, the process ends.
 *
 * @param what what one of them is called: `peer`
 */
export function chosen(all, only, what) {
  const wanted = only?.split(',').filter((word) => word !== '');
  const unknown = wanted?.find((id) => !all.some((one) => one.id === id));
  if (unknown !== undefined) {
    console.error(`no ${what} ${unknown}; see --help`);
    process.exit(2);
  }
  return all.filter(({ id }) => wanted === undefined || wanted.includes(id));
}

/** Another one begins in each repeat: whoever comes after one of them finds the machine as that one left it. */
export function rotated(all, repeat) {
  return all.map((_, i) => all[(i + repeat) % all.length]);
}

/** Where it was measured. */
export function machineOf() {
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  };
}

/** What was measured until then is printed. Exiting ends what is running, too: see process.mjs. */
export function printWhenInterrupted(print) {
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      print();
      process.exit(130);
    });
  }
}
