import { existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './process.mjs';

const DIGITS = fileURLToPath(new URL('../../../examples/digits/digits.arrow', import.meta.url));
const DIGITS_MODEL = fileURLToPath(new URL('../../../native-models/digits/digits.onnx', import.meta.url));
const script = (name) => fileURLToPath(new URL(`../python/${name}`, import.meta.url));

/** The data of so many rows below `cache`, written where it is not there yet. */
export class Data {
  #folder;
  #manifest;
  #environments;

  constructor(folder, environments) {
    this.#folder = folder;
    this.#environments = environments;
    this.#manifest = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  }

  static async open({ cache, rows, environments, log }) {
    const folder = join(cache, 'data', `rows-${rows}`);
    if (!existsSync(folder)) {
      log(`writing ${rows} rows …`);
      const unfinished = `${folder}.unfinished`;
      rmSync(unfinished, { recursive: true, force: true });
      mkdirSync(unfinished, { recursive: true });
      const python = await environments.python('pyarrow');
      await run(python, [script('make_data.py'), unfinished, String(rows), DIGITS]);
      renameSync(unfinished, folder);
    }
    return new Data(folder, environments);
  }

  /** `vectors` or `digits`: rows, width, dtype, and the sums of all columns, which are exact. */
  about(kind) {
    return this.#manifest[kind];
  }

  /** What runs over it, and what its bytes are multiplied by to become the model's input. */
  model(kind) {
    return kind === 'digits'
      ? { model: DIGITS_MODEL, inputName: 'image', scale: 1 / 255 }
      : { model: join(this.#folder, 'light.onnx'), inputName: 'x', scale: null };
  }

  /** The file, `copies` times: hard links in a folder that holds nothing else. A long pass over a small page cache. */
  files(kind, format, copies) {
    const folder = join(this.#folder, kind, `${format}-${copies}`);
    const file = join(this.#folder, kind, format, `000.${format}`);
    mkdirSync(folder, { recursive: true });
    return Array.from({ length: copies }, (_, i) => {
      const link = join(folder, `${String(i).padStart(3, '0')}.${format}`);
      if (!existsSync(link)) linkSync(file, link);
      return link;
    });
  }

  arrowStream(kind) {
    return join(this.#folder, kind, 'arrow-stream', '000.arrows');
  }

  /** The same rows as MosaicML keeps them. */
  mds(kind) {
    return join(this.#folder, kind, 'mds');
  }

  async writeMds(kind) {
    const folder = this.mds(kind);
    if (existsSync(folder)) return;
    const unfinished = `${folder}.unfinished`;
    rmSync(unfinished, { recursive: true, force: true });
    const python = await this.#environments.python('mosaicml');
    const [file] = this.files(kind, 'arrow', 1);
    await run(python, [script('mosaic_streaming.py'), '--write', file, unfinished], { limitSeconds: 1800 });
    renameSync(unfinished, folder);
  }
}
