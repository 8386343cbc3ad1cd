import { execFileSync } from 'node:child_process';
import { onTestFinished } from 'vitest';

/*
 * Hosts that are network namespaces of Linux, each with two cables: one to a switch with the queue, one to a switch with storage.
 * All of it is on this machine, and gone when the test is over.
 */

/** Interfaces have at most 15 characters, and other tests run beside this one. */
const id = process.pid % 100_000;
const net = `10.${100 + (process.pid % 100)}`;
const SWITCHES = ['q', 's'] as const;
type Switch = (typeof SWITCHES)[number];

const ip = (...args: string[]): void =>
  void execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });

const bridge = (to: Switch): string => `pt${id}${to}`;
const cable = (host: number, to: Switch): string => `pt${id}${to}${host}`;

export class Hosts {
  /** Where the queue and storage are, for whoever listens there. */
  readonly redis = `${net}.1.1`;
  readonly storage = `${net}.2.1`;

  /** Of how many hosts; or why there are none. */
  static make(count: number): Hosts | { readonly reason: string } {
    if (process.platform !== 'linux') return { reason: 'network namespaces are Linux’s' };
    if (process.getuid?.() !== 0) return { reason: 'only root may make network namespaces' };
    const hosts = new Hosts();
    onTestFinished(() => hosts.#remove(count));
    try {
      hosts.#make(count);
    } catch (error) {
      return { reason: `network namespaces can't be made here: ${(error as Error).message}` };
    }
    return hosts;
  }

  /** Runs a command on a host: `start(args, { within })`. */
  within(host: number): string[] {
    return ['ip', 'netns', 'exec', this.#name(host)];
  }

  /** Pulls the cable of a host to the queue, or to storage; nobody is told. */
  unplug(host: number, to: 'queue' | 'storage'): void {
    ip('link', 'set', cable(host, to === 'queue' ? 'q' : 's'), 'down');
  }

  plugIn(host: number, to: 'queue' | 'storage'): void {
    ip('link', 'set', cable(host, to === 'queue' ? 'q' : 's'), 'up');
  }

  #name(host: number): string {
    return `pt${id}-${host}`;
  }

  #make(count: number): void {
    for (const [index, to] of SWITCHES.entries()) {
      ip('link', 'add', bridge(to), 'type', 'bridge');
      ip('addr', 'add', `${net}.${index + 1}.1/24`, 'dev', bridge(to));
      ip('link', 'set', bridge(to), 'up');
    }
    for (let host = 0; host < count; host++) {
      const name = this.#name(host);
      ip('netns', 'add', name);
      ip('-n', name, 'link', 'set', 'lo', 'up');
      for (const [index, to] of SWITCHES.entries()) {
        const end = `eth${index}`;
        ip('link', 'add', cable(host, to), 'type', 'veth', 'peer', 'name', end, 'netns', name);
        ip('link', 'set', cable(host, to), 'master', bridge(to));
        ip('link', 'set', cable(host, to), 'up');
        ip('-n', name, 'addr', 'add', `${net}.${index + 1}.${10 + host}/24`, 'dev', end);
        ip('-n', name, 'link', 'set', end, 'up');
      }
    }
  }

  #remove(count: number): void {
    const quietly = (...args: string[]): void => {
      try {
        ip(...args);
      } catch {
        // It was not made.
      }
    };
    for (let host = 0; host < count; host++) quietly('netns', 'del', this.#name(host));
    for (const to of SWITCHES) quietly('link', 'del', bridge(to));
  }
}
