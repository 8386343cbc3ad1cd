import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Session, SessionSpec, TensorView } from '../../../src/session/types.js';
import { OnnxType, onnxModel } from '../../helpers/onnx.js';
import { childrenOf, failingSessions, hasProc, isAlive, NO_PROC } from '../../helpers/processes.js';
import { random } from '../../helpers/random.js';
import { workspace } from '../../helpers/workspace.js';
import { sessionSpec } from '../spec.js';

type Process = typeof import('../../../src/session/process/session.js');
type Load = typeof import('../../../src/session/load.js');
const built = (path: string) => import(new URL(`../../../dist/session/${path}`, import.meta.url).href);
/** The built ones: a process is started from a file on disk. */
const { load }: Process = await built('process/session.js');
const { loadSession }: Load = await built('load.js');

const DIGITS = fileURLToPath(new URL('../../../native-models/digits/digits.onnx', import.meta.url));
const PIXELS = 28 * 28;
const WAYS = ['memory', 'socket'] as const;
type Way = (typeof WAYS)[number];

const spec = (changes: Partial<SessionSpec> = {}): SessionSpec => sessionSpec({ uri: DIGITS, ...changes });

async function isolated(changes: Partial<SessionSpec> = {}, way: Way = 'memory'): Promise<Session> {
  const session = await (way === 'memory'
    ? loadSession(spec({ isolation: 'process', ...changes }))
    : load(spec(changes), Promise.resolve(undefined)));
  onTestFinished(() => session.close());
  return session;
}

async function inThread(changes: Partial<SessionSpec> = {}): Promise<Session> {
  const session = await loadSession(spec(changes));
  onTestFinished(() => session.close());
  return session;
}

const restarted = (device: string, how: string): unknown =>
  expect.stringMatching(
    new RegExp(`^${device}: the session's process died ${how} and was restarted; the last was process \\d+$`),
  );

/** As a slot has it. */
function shared(name: string, dims: readonly number[], values: ArrayLike<number> = []): TensorView {
  const length = dims.reduce((product, dim) => product * dim, 1);
  const data = new Float32Array(new SharedArrayBuffer(length * 4)).fill(Number.NaN);
  data.set(values);
  return { name, dtype: 'float32', dims, data };
}

const next = random(7);
const noise = (length: number): Float32Array => Float32Array.from({ length }, next);

function digits(rows: number): { inputs: TensorView[]; outputs: TensorView[] } {
  return {
    inputs: [shared('image', [rows, 1, 28, 28], noise(rows * PIXELS))],
    outputs: [shared('logits', [rows, 10])],
  };
}

/** y = −x, float32 [batch, 2]. */
function negation(at: (...names: string[]) => string): string {
  const model = onnxModel({
    operator: 'Neg',
    inputs: [{ name: 'x', type: OnnxType.float32, dims: ['batch', 2] }],
    outputs: [{ name: 'y', type: OnnxType.float32, dims: ['batch', 2] }],
  });
  writeFileSync(at('neg.onnx'), model);
  return at('neg.onnx');
}

async function negated(session: Session, ...values: number[]): Promise<number[]> {
  const dims = [values.length / 2, 2];
  const output = shared('y', dims);
  await session.run([shared('x', dims, values)], [output]);
  return Array.from(output.data as Float32Array);
}

const failureOf = (running: Promise<unknown>): Promise<Error & { code?: string }> =>
  running.then(
    () => new Error('nothing was thrown'),
    (error) => error,
  );

describe.each(WAYS)('a session in a process of its own, over %s', (way) => {
  test('has the outputs of one in a thread, to the bit, whatever the size of the batch', async () => {
    const [process, thread] = [await isolated({}, way), await inThread()];
    // The memory between the two has to grow, and is there for small ones after that.
    for (const rows of [8, 64, 1, 7, 64, 300, 8]) {
      const { inputs, outputs } = digits(rows);
      await process.run(inputs, outputs);
      const expected = shared('logits', [rows, 10]);
      await thread.run(inputs, [expected]);
      expect(outputs[0]?.data).toEqual(expected.data);
    }
    expect(process.warnings).toEqual([]);
  });

  test('sees what was written since the last run into the same memory', async () => {
    const [process, thread] = [await isolated({}, way), await inThread()];
    const { inputs, outputs } = digits(16);
    const expected = shared('logits', [16, 10]);
    for (let run = 0; run < 3; run++) {
      for (const { data } of inputs) (data as Float32Array).set(noise(16 * PIXELS));
      await process.run(inputs, outputs);
      await thread.run(inputs, [expected]);
      expect(outputs[0]?.data).toEqual(expected.data);
    }
  });

  test('tells what one in a thread tells', async () => {
    const [process, thread] = [await isolated({}, way), await inThread()];
    for (const key of ['inputs', 'outputs', 'device', 'warnings'] as const)
      expect(process[key]).toEqual(thread[key]);
    const input = { ...digits(3).inputs[0], data: noise(3 * PIXELS) } as TensorView;
    expect(await process.outputDims([input])).toEqual(await thread.outputDims([input]));
  });

  test('takes several inputs, of any element type, and none of any elements', async () => {
    const at = workspace();
    const sides = ['a', 'b'].map((name) => ({ name, type: OnnxType.float32, dims: ['batch', 3] }));
    const outputs = [{ name: 'same', type: OnnxType.bool, dims: ['batch', 3] }];
    writeFileSync(at('equal.onnx'), onnxModel({ operator: 'Equal', inputs: sides, outputs }));
    const session = await isolated({ uri: at('equal.onnx') }, way);
    const run = async (rows: number, ...ab: number[][]): Promise<number[]> => {
      const data = new Uint8Array(new SharedArrayBuffer(rows * 3)).fill(7);
      const output = { name: 'same', dtype: 'bool', dims: [rows, 3], data } as const;
      await session.run(
        ab.map((values, i) => shared(i === 0 ? 'a' : 'b', [rows, 3], values)),
        [output],
      );
      return [...data];
    };
    expect(await run(0, [], [])).toEqual([]);
    expect(await run(1, [1, 2, 3], [1, 0, 3])).toEqual([1, 0, 1]);
    expect(await run(0, [], [])).toEqual([]);
    expect(await run(2, [1, 2, 3, 4, 5, 6], [0, 2, 0, 4, 0, 6])).toEqual([0, 1, 0, 1, 0, 1]);
  });

  test('takes texts', async () => {
    const at = workspace();
    const model = onnxModel({
      operator: 'RegexFullMatch',
      inputs: [{ name: 'text', type: OnnxType.string, dims: ['batch'] }],
      outputs: [{ name: 'matches', type: OnnxType.bool, dims: ['batch'] }],
      attributes: { pattern: 'ä+' },
      opset: 20,
    });
    writeFileSync(at('model.onnx'), model);
    const session = await isolated({ uri: at('model.onnx') }, way);
    expect(session.inputs).toMatchObject([{ name: 'text', isText: true }]);
    const texts = ['ä', 'äö', 'äää', ''];
    const data = new Uint8Array(new SharedArrayBuffer(texts.length * 12));
    for (const [i, text] of texts.entries()) {
      data[i * 12] = Buffer.byteLength(text);
      data.set(Buffer.from(text), i * 12 + 4);
    }
    const input = { name: 'text', dtype: 'uint8', dims: [4, 12], data, text: 8 } as const;
    const output = { name: 'matches', dtype: 'bool', dims: [4], data: new Uint8Array(4) } as const;
    await session.run([input], [output]);
    expect([...output.data]).toEqual([1, 0, 1, 0]);
  });

  test('rejects what the model rejects, in its words, and goes on', async () => {
    const [process, thread] = [await isolated({}, way), await inThread()];
    const { inputs, outputs } = digits(4);
    const wrong = [{ ...(inputs[0] as TensorView), dims: [4, 1, 14, 56] }];
    const [ours, theirs] = [
      await failureOf(process.run(wrong, outputs)),
      await failureOf(thread.run(wrong, outputs)),
    ];
    expect(ours.message).toBe(theirs.message);
    expect(ours.code).toBeUndefined();
    await process.run(inputs, outputs);
    expect(Number.isNaN(outputs[0]?.data[39])).toBe(false);
    expect(process.warnings).toEqual([]);
  });

  test('fails to load with the error that it has in a thread', async () => {
    for (const changes of [{ providers: ['npu'] }, { uri: 'absent.onnx' }, { uri: undefined }]) {
      const [ours, theirs] = [await failureOf(isolated(changes, way)), await failureOf(inThread(changes))];
      expect([ours.constructor, ours.message]).toEqual([theirs.constructor, theirs.message]);
    }
  });

  test('leaves no process, no memory and no open file behind when it is closed', async (context) => {
    context.skip(!hasProc, NO_PROC);
    const files = (): string[] => readdirSync('/proc/self/fd').sort();
    const mapped = (pid: number | 'self'): number =>
      readFileSync(`/proc/${pid}/maps`, 'utf8').split('memfd:penstock').length - 1;
    // The first brings what stays: libraries.
    await (await isolated({}, way)).close();
    const [before, sharedMemory] = [files(), readdirSync('/dev/shm')];
    const session = await isolated({}, way);
    const { inputs, outputs } = digits(64);
    await session.run(inputs, outputs);
    const [child] = childrenOf(process.pid) as [number];
    const expected = way === 'memory' ? 1 : 0;
    expect([mapped('self'), mapped(child)]).toEqual([expected, expected]);
    expect(readdirSync('/dev/shm')).toEqual(sharedMemory);
    await session.close();
    expect(childrenOf(process.pid)).toEqual([]);
    expect(mapped('self')).toBe(0);
    expect(files()).toEqual(before);
  });

  test('whose process is killed in the middle of a run has the right outputs all the same', async (context) => {
    context.skip(!hasProc, NO_PROC);
    const inputs = [{ name: 'x', dtype: 'float32', dims: ['batch', 2] }] as const;
    const options = { batchMicros: 300_000 };
    const session = await isolated({ runtime: 'simulated', uri: undefined, options, inputs }, way);
    const [child] = childrenOf(process.pid) as [number];
    const sums = { name: 'checksum', dtype: 'float64', dims: [2], data: new Float64Array(2) } as const;
    const running = session.run([shared('x', [2, 2], [1, 2, 3, 4])], [sums]);
    process.kill(child, 'SIGKILL');
    await running;
    expect([...sums.data]).toEqual([3, 7]);
    expect(childrenOf(process.pid)).not.toContain(child);
    expect(session.warnings).toEqual([restarted('simulated:0', 'once \\(SIGKILL\\)')]);
  });
});

describe('a process that dies', () => {
  test('of a batch is restarted, and the batch is tried again', async () => {
    const failures = failingSessions({ how: 'crash', at: 666, limit: 1 });
    const session = await isolated({ uri: negation(workspace()) });
    expect(await negated(session, 1, 2)).toEqual([-1, -2]);
    expect(await negated(session, 3, 4, 666, 5)).toEqual([-3, -4, -666, -5]);
    expect(await negated(session, 6, 7)).toEqual([-6, -7]);
    expect(failures()).toHaveLength(1);
    expect(session.warnings).toEqual([restarted('cpu', 'once \\(SIGSEGV\\)')]);
  });

  test('twice of a batch makes it a rejected one; those after it run', async () => {
    const failures = failingSessions({ how: 'crash', at: 666 });
    const session = await isolated({ uri: negation(workspace()) });
    const rejected = await failureOf(negated(session, 666, 1));
    expect(rejected.message).toBe('the process that ran it died 2 times: SIGSEGV');
    // An error of ours would say that it is not the batch.
    expect(rejected.code).toBeUndefined();
    expect(await negated(session, 1, 2)).toEqual([-1, -2]);
    expect(failures()).toHaveLength(2);
    expect((await failureOf(negated(session, 2, 666))).message).toContain('SIGSEGV');
    expect(session.warnings).toEqual([restarted('cpu', '4 times \\(SIGSEGV\\)')]);
  });

  test('with a word on stderr is quoted', async () => {
    const written = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    onTestFinished(() => written.mockRestore());
    failingSessions({ how: 'exit', at: 666 });
    const session = await isolated({ uri: negation(workspace()) });
    expect((await failureOf(negated(session, 666, 1))).message).toBe(
      'the process that ran it died 2 times: exit code 7; it said last: a library says why',
    );
    expect(written).toHaveBeenCalledWith('a library says why\n');
  });

  test('of any batch, even of zeros, is an error of the device', async () => {
    const failures = failingSessions({ how: 'crash', at: 'run' });
    const session = await isolated({ uri: negation(workspace()) });
    const error = await failureOf(negated(session, 1, 2));
    expect(error.code).toBe('DEVICE');
    expect(error.message).toMatch(/neg\.onnx: the session's process died 3 times in a row: SIGSEGV$/);
    expect(failures()).toHaveLength(3);
  });

  test('again and again while it loads the model is an error of the device', async () => {
    const failures = failingSessions({ how: 'crash', at: 'load' });
    const error = await failureOf(isolated());
    expect(error.code).toBe('DEVICE');
    expect(error.message).toBe(`${DIGITS}: the session's process died 3 times in a row: SIGSEGV`);
    expect(failures()).toHaveLength(3);
  });

  test('once while it loads the model is a warning', async () => {
    failingSessions({ how: 'crash', at: 'load', limit: 1 });
    const session = await isolated({ uri: negation(workspace()) });
    expect(session.warnings).toEqual([restarted('cpu', 'once \\(SIGSEGV\\)')]);
    expect(await negated(session, 1, 2)).toEqual([-1, -2]);
    expect(session.warnings).toHaveLength(1);
  });

  test('since it was killed for a run that did not come back in time counts as one that died', async () => {
    const failures = failingSessions({ how: 'hang', at: 666, limit: 1 });
    const session = await isolated({ uri: negation(workspace()), runTimeoutMs: 1000 });
    expect(await negated(session, 1, 2)).toEqual([-1, -2]);
    expect(await negated(session, 666, 3)).toEqual([-666, -3]);
    expect(session.warnings).toEqual([restarted('cpu', 'once \\(no answer within 1000 ms\\)')]);
    expect(failures().map(isAlive)).toEqual([false]);
  });
});

test('Ctrl-C and SIGTERM do not reach a session before its user is done with it', async (context) => {
  context.skip(!hasProc, NO_PROC);
  const session = await isolated({ uri: negation(workspace()) });
  const [child] = childrenOf(process.pid) as [number];
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.kill(child, signal);
    expect(await negated(session, 1, 2)).toEqual([-1, -2]);
  }
  expect(isAlive(child)).toBe(true);
  expect(session.warnings).toEqual([]);
});
