// What this machine's GPU does with Penstock, in one folder of results: which devices compute what they should, how fast
// two heavy models run on each, and what holds them back. See docs/gpu-hosts.md.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { heavyCases, SHIPPED, SIZES, shippedJob } from './cases.mjs';
import { measure } from './measure.mjs';
import { compare, readOutputs } from './parity.mjs';
import { penstock } from './penstock.mjs';
import { findTorch, measureTorch, torchDevice } from './pytorch.mjs';
import { summaryText } from './summary.mjs';

const HELP = `Usage: gpu-suite [options] [DIR]

Looks at the machine, checks what each device computes against the CPU and against float64, and measures two heavy models
on each: ceilings, knee, the whole pipeline. Takes a few minutes on a GPU. DIR must be new or empty; by default it is
gpu-suite-results here.

  --quick             small images, little data: a first look, also without a GPU
  --providers a,b     measure on these: cuda, tensorrt, webgpu, cpu (default: cuda and webgpu, where they work on
                      hardware; else cpu)
  --seconds N         about how long each bench takes (default: 40)
  --limit N           seconds that no single command may take: then it is given up, and the rest goes on (default: 600)
  --python PROGRAM    a Python with torch, numpy and pyarrow, for PyTorch beside Penstock (default: python3; none: without)
  --keep              leave models and data in DIR/work`;

/** Of the models that ship: a software adapter is a hundred times slower than the CPU. */
const SHIPPED_ROWS = { hardware: 2000, software: 64 };

/** In this order: the last is what there is without a GPU. */
const HARDWARE = ['cuda', 'webgpu'];

function parse() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      providers: { type: 'string' },
      seconds: { type: 'string', default: '40' },
      limit: { type: 'string', default: '600' },
      python: { type: 'string', default: 'python3' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const seconds = Number(values.seconds);
  if (!(seconds >= 5)) throw new Error('--seconds: expected a number from 5 on');
  const limitSeconds = Number(values.limit);
  if (!(limitSeconds >= 1)) throw new Error('--limit: expected a number from 1 on');
  if (positionals.length > 1) throw new Error(`expected one folder, not ${positionals.join(' and ')}`);
  return {
    ...values,
    seconds,
    limitSeconds,
    providers: values.providers?.split(','),
    folder: resolve(positionals[0] ?? 'gpu-suite-results'),
  };
}

class Suite {
  #options;
  #size;
  #steps = [];
  #doctor = null;
  #models = [];
  #parity = [];
  #figures = [];
  /** What there is of PyTorch; null where it is left out. */
  #torch = null;
  /** Providers that work, and whether the CPU plays the device's part. */
  #working = new Map();

  constructor(options) {
    this.#options = options;
    this.#size = options.quick ? SIZES.quick : SIZES.full;
  }

  async run() {
    const { folder, keep } = this.#options;
    const work = join(folder, 'work');
    for (const own of ['logs', 'work']) mkdirSync(join(folder, own), { recursive: true });
    process.once('SIGINT', () => {
      if (!keep) rmSync(work, { recursive: true, force: true });
      process.exit(130);
    });
    try {
      await this.#step('doctor', () => this.#lookAround());
      await this.#findTorch();
      for (const shipped of SHIPPED) await this.#shippedParity(shipped, work);
      for (const heavy of heavyCases(this.#size)) {
        this.#models.push({ model: heavy.name, about: heavy.about });
        if (!(await this.#step(`${heavy.name}: model and data`, () => heavy.prepare(work)))) continue;
        await this.#heavyParity(heavy, work);
        for (const provider of this.#devices()) {
          await this.#measure(heavy, provider, work);
          await this.#measureTorch(heavy, provider, work);
        }
      }
    } finally {
      if (!keep) rmSync(work, { recursive: true, force: true });
    }
    this.#write();
    return this.#steps.every(({ error }) => error === null) && this.#parity.every(({ agrees }) => agrees);
  }

  /** A step that fails is told of, and the others go on. */
  async #step(name, action) {
    const started = performance.now();
    process.stderr.write(`${name} …`);
    let error = null;
    try {
      await action();
    } catch (cause) {
      error = cause instanceof Error ? cause.message : String(cause);
    }
    const seconds = (performance.now() - started) / 1000;
    this.#steps.push({ name, seconds, error });
    process.stderr.write(` ${error === null ? 'done' : `failed: ${error}`} (${seconds.toFixed(1)} s)\n`);
    return error === null;
  }

  async #lookAround() {
    execFile('nvidia-smi', (error, stdout) => {
      if (error === null) writeFileSync(this.#path('logs/nvidia-smi.log'), stdout);
    });
    this.#doctor = await penstock(['doctor'], this.#logged('doctor'));
    writeFileSync(this.#path('doctor.json'), `${JSON.stringify(this.#doctor, null, 2)}\n`);
    for (const { name, status, software } of this.#doctor.providers) {
      if (status === 'ok') this.#working.set(name, { software });
    }
  }

  /** Those to measure on. */
  #devices() {
    const { providers } = this.#options;
    if (providers !== undefined) return providers;
    const found = HARDWARE.filter((name) => this.#working.has(name) && !this.#isSoftware(name));
    return found.length > 0 ? found : ['cpu'];
  }

  /** Those to compare with the CPU: also slow ones, where there is little to compute. */
  #compared() {
    const { quick } = this.#options;
    return [...this.#working]
      .filter(([name, { software }]) => name !== 'cpu' && (quick || !software))
      .map(([name]) => name);
  }

  #isSoftware(provider) {
    return this.#working.get(provider)?.software === true;
  }

  #optionsFor(provider) {
    return this.#isSoftware(provider) ? { allowSoftware: true } : {};
  }

  async #shippedParity(shipped, work) {
    const outputs = (provider, rows) =>
      this.#outputs(shippedJob(shipped, provider, this.#optionsFor(provider)), provider, work, rows);
    // TensorFlow.js reaches a GPU by WebGPU only.
    const others =
      shipped.runtime === 'onnx' ? this.#compared() : this.#compared().filter((name) => name === 'webgpu');
    await this.#step(`${shipped.name}: parity`, async () => {
      const expected = await outputs(shipped.reference, SHIPPED_ROWS.hardware);
      for (const provider of others) {
        const rows = this.#isSoftware(provider) ? SHIPPED_ROWS.software : SHIPPED_ROWS.hardware;
        const own = await outputs(provider, rows);
        this.#compareWith(shipped.name, provider, own, expected.slice(0, rows), shipped.reference);
      }
    });
  }

  async #heavyParity(heavy, work) {
    const { parityRows } = this.#size;
    const outputs = (provider) =>
      this.#outputs(heavy.job(work, provider, this.#optionsFor(provider)), provider, work, parityRows);
    // A software adapter takes minutes for a row of these.
    const others = this.#compared().filter((name) => !this.#isSoftware(name));
    await this.#step(`${heavy.name}: parity`, async () => {
      const reference = heavy.reference();
      const expected = await outputs('cpu');
      this.#compareWith(heavy.name, 'cpu', expected, reference, 'float64');
      for (const provider of others) {
        const rows = await outputs(provider);
        this.#compareWith(heavy.name, provider, rows, reference, 'float64');
        this.#compareWith(heavy.name, provider, rows, expected, 'cpu');
      }
    });
  }

  #compareWith(model, provider, rows, expected, against) {
    this.#parity.push({ model, provider, against, ...compare(rows, expected, provider) });
  }

  /** The first rows of a job's output. */
  async #outputs(job, provider, work, limit) {
    const name = `parity-${job.name}-${provider}`;
    const out = join(work, 'out', name);
    const source = { ...job.source, limit };
    const file = this.#jobFile(name, { ...job, source, sink: { uri: out, format: 'arrow' } }, work);
    const report = await penstock(['run', file], this.#logged(name));
    const [device] = report.devices;
    if (device.provider !== provider)
      throw new Error(`${provider} was asked for, and ${device.provider} ran`);
    return readOutputs(out);
  }

  async #measure(heavy, provider, work) {
    await this.#step(`${heavy.name} on ${provider}: bench and run`, async () => {
      const { quick, seconds, limitSeconds } = this.#options;
      const result = (name) => this.#path(name);
      const place = { work, result, quick, seconds, limitSeconds, size: this.#size };
      this.#figures.push(await measure(heavy, provider, this.#optionsFor(provider), place));
    });
  }

  /** It need not be there: then that is what the summary says. */
  async #findTorch() {
    const { python } = this.#options;
    if (python === 'none') return;
    await this.#step('PyTorch', async () => {
      this.#torch = await findTorch(python, this.#path('logs/pytorch.log'));
    });
  }

  /** Beside what Penstock did with batches of the same size. */
  async #measureTorch(heavy, provider, work) {
    const figures = this.#figures.find((one) => one.model === heavy.name && one.provider === provider);
    if (figures === undefined || this.#torch === null || 'missing' in this.#torch) return;
    const device = torchDevice(provider, this.#torch);
    if (device === undefined) return;
    const name = `${heavy.name}-${provider}-pytorch`;
    await this.#step(`${heavy.name} on ${provider}: PyTorch`, async () => {
      const { python, quick } = this.#options;
      const { batchSize } = figures;
      const options = { python, device, batchSize, quick, work, ...this.#logged(name) };
      const { outputs, result } = await measureTorch(heavy, options);
      this.#compareWith(`${heavy.name} in PyTorch`, provider, outputs, heavy.reference(), 'float64');
      figures.torch = result;
      writeFileSync(this.#path(`${name}.json`), `${JSON.stringify(result, null, 2)}\n`);
    });
  }

  #logged(name) {
    return { log: this.#path(`logs/${name}.log`), limitSeconds: this.#options.limitSeconds };
  }

  #jobFile(name, job, work) {
    const file = join(work, `${name}.json`);
    writeFileSync(file, JSON.stringify(job, null, 2));
    return file;
  }

  #path(name) {
    return join(this.#options.folder, name);
  }

  #write() {
    const { quick } = this.#options;
    const results = {
      title: this.#title(),
      date: new Date().toISOString().slice(0, 16).replace('T', ' '),
      quick,
      doctor: this.#doctor,
      models: this.#models,
      parity: this.#parity,
      figures: this.#figures,
      torch: this.#torch,
      steps: this.#steps,
    };
    const text = summaryText(results);
    writeFileSync(this.#path('summary.md'), text);
    // The documents of bench and run have files of their own.
    const figures = this.#figures.map(({ bench: _, run: __, ...rest }) => rest);
    const { doctor: _, ...rest } = results;
    writeFileSync(this.#path('summary.json'), `${JSON.stringify({ ...rest, figures }, null, 2)}\n`);
    process.stderr.write(`\n${text}\n${this.#options.folder}\n`);
  }

  #title() {
    const names = (this.#doctor?.gpus.devices ?? []).map(({ name }) => name);
    if (names.length > 0) return `Penstock on ${names.join(', ')}`;
    if (this.#devices().every((name) => name === 'cpu'))
      return 'Penstock without a GPU: the suite on the CPU, which says nothing about GPUs';
    return `Penstock on ${this.#doctor?.adapter.description ?? 'an unknown GPU'}`;
  }
}

async function main() {
  const options = parse();
  if (options.help) {
    process.stderr.write(`${HELP}\n`);
    return true;
  }
  const { folder } = options;
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new Error(`${folder}: is not empty; name a folder that is empty or not there yet`);
  return await new Suite(options).run();
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  process.stderr.write(`gpu-suite: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 2;
}
