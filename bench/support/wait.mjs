import { setTimeout as sleep } from 'node:timers/promises';

// A transform that waits for somebody else, as one does that asks a service.
export default async function transform() {
  await sleep(15);
  return {};
}
