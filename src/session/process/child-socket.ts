import { readSync, writeSync } from 'node:fs';
import { Descriptor, frame, HEAD_BYTES, type Reply } from './protocol.js';

/*
 * The process's end of the socket, read and written by blocking calls: a thread that sleeps in a read is awake sooner than
 * one that sleeps in its event loop, and bytes go straight to where they belong.
 */

const head = Buffer.alloc(HEAD_BYTES);

/** The next message, for which it waits. */
export function receive(): Buffer {
  receiveInto(head);
  const message = Buffer.allocUnsafe(head.readUInt32LE());
  receiveInto(message);
  return message;
}

/** Bytes that follow a message. */
export function receiveInto(target: Uint8Array): void {
  for (let filled = 0; filled < target.byteLength; ) {
    const count = readSync(Descriptor.socket, target, filled, target.byteLength - filled, null);
    // The parent is gone, and nobody is left to be told anything.
    if (count === 0) process.kill(process.pid, 'SIGKILL');
    filled += count;
  }
}

/** Answers, with bytes that follow the message. */
export function send(reply: Reply, payload: readonly Uint8Array[] = []): void {
  for (const bytes of [frame(reply), ...payload]) {
    for (let sent = 0; sent < bytes.byteLength; ) sent += writeSync(Descriptor.socket, bytes, sent);
  }
}
