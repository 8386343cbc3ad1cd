// @ts-check
// A reporter of node:test that writes how many tests passed, failed and were skipped, as JSON.

/** @param {AsyncIterable<import('node:test').TestEvent>} events */
export default async function* counts(events) {
  const counted = { passed: 0, failed: 0, skipped: 0 };
  for await (const { type, data } of events) {
    if ((type !== 'test:pass' && type !== 'test:fail') || data.details.type === 'suite') continue;
    if (data.skip) counted.skipped++;
    else counted[type === 'test:pass' ? 'passed' : 'failed']++;
  }
  yield JSON.stringify(counted);
}
