/** Flags that decide how modules are loaded: what a thread of a program from the command line needs of them. */
const MODULE_FLAGS = /^(--import|--require|-r|--loader|--experimental-loader|--conditions|-C)$/;

/** Those of Node's flags that decide how modules are loaded: all that a process needs of them to run a file of ours. */
export function moduleFlags(flags: readonly string[] = process.execArgv): string[] {
  return flags.filter((flag, i) => {
    const [name = ''] = flag.split('=');
    return MODULE_FLAGS.test(name) || MODULE_FLAGS.test(flags[i - 1] ?? '');
  });
}

/**
 * Node's flags for a thread that runs a file, as an option of Worker. A thread inherits those of the process, but would
 * not start with `--input-type`, as in `node --input-type=module -e …`; and given a list of its own, it refuses many that
 * it may inherit. So there is a list only where there must be one.
 */
export function threadFlags(flags: readonly string[] = process.execArgv): { execArgv?: string[] } {
  if (!flags.some((flag) => flag.startsWith('--input-type'))) return {};
  return { execArgv: moduleFlags(flags) };
}
