import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { LoadGenerator } from '../../../../dist/stress/load/generator.js';
import { freePort } from '../../../support/port.mjs';
import { MODEL } from './digits.mjs';
import { ServerProcess } from './process.mjs';
import { versionsOf } from './servers.mjs';

/** So many times the rows of a full batch are asked for at the same time. */
const LEVELS = [0.25, 1, 2];
/** Offered ÷ what the server can do. */
const LOADS = [0.8, 2];
/** Twice what Penstock's queue holds, the longest of all: it is the server that says no. */
const MOST_OUTSTANDING = 2048;
const TOLERANCE = 1e-4;
/** How a server says no. While it warms up, it may be slow. */
const REFUSALS = [408, 429, 503, 504];
const TRIES = 50;
const RETRY_MS = 50;

/**
 * Starts a server, looks at its outputs, and measures what it does: with as much as it can take, and at shares of that.
 *
 * @throws Error where it does not start, or answers otherwise than ONNX Runtime
 */
export async function measure(
  server,
  { digits, environments, settings, seconds, warmUpSeconds, limitSeconds },
) {
  const program = server.environment && (await environments.python(server.environment));
  const folder = mkdtempSync(join(tmpdir(), 'serve-peers-'));
  const port = await freePort();
  // In the server at a time: a batch that runs, and the next.
  const all = { model: MODEL, port, mostRequests: 2 * settings.size, ...settings };
  const subject = new ServerProcess(server.command(program, all, folder), {
    env: { PEER_SETTINGS: JSON.stringify(all) },
    cwd: folder,
  });
  // Where this process is ended, after the server is.
  const clean = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', clean);
  const generator = new LoadGenerator();
  try {
    const origin = `http://127.0.0.1:${port}`;
    await subject.ready(() => isAnswered(server.wire, origin, digits[0]), limitSeconds);
    await check(server.wire, origin, digits, settings.size);
    const load = new Load(generator, server.wire, origin, digits, settings.deadlineMs);
    await load.closed(settings.size, warmUpSeconds);
    const levels = [];
    for (const level of LEVELS)
      levels.push(await load.closed(Math.ceil(level * settings.size), seconds / LEVELS.length));
    const capacity = levels.reduce((a, b) => (b.perSecond > a.perSecond ? b : a));
    if (capacity.perSecond === 0) throw new Error('no request was answered');
    const loads = [];
    for (const share of LOADS) loads.push(await load.open(share * capacity.perSecond, seconds));
    return { versions: versionsOf(server, program), capacity, levels, loads };
  } finally {
    await generator[Symbol.asyncDispose]();
    await subject.end();
    process.off('exit', clean);
    clean();
  }
}

/** What the load generator is asked, in a server's own words. */
class Load {
  #generator;
  #order;
  #stream;

  constructor(generator, { path, headers, write }, origin, digits, deadlineMs) {
    this.#generator = generator;
    const drainMs = Math.max(2000, 2 * deadlineMs);
    this.#order = { origin, headers: {}, mostOutstanding: MOST_OUTSTANDING, drainMs, intervals: 1 };
    const request = { path, headers, bodies: digits.map(write) };
    this.#stream = { name: 'digits', request, rows: 1, deadlineMs, seed: 0 };
  }

  /** Of what comes late as well. */
  async closed(clients, seconds) {
    const closed = [{ ...this.#stream, deadlineMs: null, clients }];
    const { closed: results, generator } = await this.#generator.play({
      ...this.#order,
      seconds,
      open: [],
      closed,
    });
    return { clients, ...outcomeOf(results[0], generator) };
  }

  async open(perSecond, seconds) {
    const open = [{ ...this.#stream, arrivals: { kind: 'poisson', perSecond } }];
    const { open: results, generator } = await this.#generator.play({
      ...this.#order,
      seconds,
      open,
      closed: [],
    });
    return { offered: perSecond, ...outcomeOf(results[0], generator) };
  }
}

/** `perSecond` and `share`: answered within the deadline. */
function outcomeOf({ seconds, due, good, refused, failed, unanswered, latencyMs, refusalMs }, generator) {
  const perSecond = good / seconds;
  return {
    perSecond,
    share: due > 0 ? good / due : 0,
    due,
    refused,
    failed,
    unanswered,
    latencyMs,
    refusalMs,
    generator,
  };
}

/** Each digit by itself, and then as many at a time as make a batch: their logits must be ONNX Runtime's. */
async function check(wire, origin, digits, size) {
  for (const digit of digits) await expectLogits(wire, origin, digit);
  const many = Array.from({ length: size }, (_, i) => digits[i % digits.length]);
  await Promise.all(many.map((digit) => expectLogits(wire, origin, digit)));
}

async function expectLogits(wire, origin, digit) {
  for (let tries = 1; ; tries++) {
    const { status, bytes, headers } = await send(wire, origin, digit);
    if (status === 200) {
      const logits = wire.read(bytes, headers);
      const isSame = digit.logits.every((value, i) => Math.abs(value - logits[i]) <= TOLERANCE);
      if (isSame && logits.length === digit.logits.length) return;
      throw new Error(`outputs: [${logits}] where ONNX Runtime has [${digit.logits}]`);
    }
    if (!REFUSALS.includes(status) || tries === TRIES)
      throw new Error(`a request was answered with ${status}: ${bytes.subarray(0, 200)}`);
    await sleep(RETRY_MS);
  }
}

async function isAnswered(wire, origin, digit) {
  const answer = await send(wire, origin, digit).catch(() => undefined);
  return answer?.status === 200;
}

async function send({ path, headers, write }, origin, digit) {
  const answer = await fetch(`${origin}${path}`, { method: 'POST', headers, body: write(digit) });
  return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) };
}
