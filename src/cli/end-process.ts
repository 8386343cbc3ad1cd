/**
 * Ends the process although a thread of it hangs in native code: `process.exit` would wait for that thread for ever. libc's
 * `_exit` does not; without koffi, an optional package, through which it is called, SIGKILL is all that is left, and the
 * exit code is lost.
 */
export async function endProcess(code: number): Promise<never> {
  await Promise.all([process.stdout, process.stderr].map((stream) => written(stream)));
  try {
    const { default: koffi } = await import('koffi');
    const library = process.platform === 'win32' ? 'ucrtbase.dll' : null;
    koffi.load(library as string).func('void _exit(int)')(code);
  } catch {
    // koffi is not there.
  }
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
}

/** What was written to a pipe may still be on its way. */
function written(stream: NodeJS.WriteStream): Promise<unknown> {
  return new Promise((resolve) => stream.write('', resolve));
}
