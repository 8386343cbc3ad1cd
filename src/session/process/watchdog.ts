import { Socket } from 'node:net';
import { Descriptor } from './protocol.js';

/*
 * A thread of a session's process that ends the process when its parent is gone, however that went: the pipe ends then.
 * A thread, since the session may block the main one for as long as a run takes, and a hanging run takes for ever.
 */
new Socket({ fd: Descriptor.watch, readable: true, writable: false })
  .on('error', () => {})
  .once('close', () => process.kill(process.pid, 'SIGKILL'))
  .resume();
