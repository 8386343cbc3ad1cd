/**
 * Microseconds on a clock that never jumps and that every thread of the process shares.
 * (`performance.now()` counts from another origin in each thread.)
 */
export function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + nanoseconds / 1e3;
}
