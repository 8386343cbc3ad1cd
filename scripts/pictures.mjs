// @ts-check
// The picture of a report in the README, of a real run on this machine: `node scripts/pictures.mjs [--chromium PROGRAM]`. It takes a
// build, and some ten seconds in which nothing else runs.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { optionsOf } from './options.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = optionsOf({
  options: {
    chromium: { type: 'string', default: process.env.PENSTOCK_TEST_CHROMIUM ?? 'chromium' },
    out: { type: 'string', default: join(root, 'docs/images/report.png') },
  },
});

/** As wide as a page of documentation shows it sharp, and as high as what is worth seeing. */
const [WIDTH, HEIGHT] = [1120, 1790];

/** So many times the digits. */
const COPIES = 120;

const folder = mkdtempSync(join(tmpdir(), 'penstock-pictures-'));
try {
  mkdirSync(join(folder, 'scans'));
  copyFileSync(join(root, 'examples/digits/digits.arrow'), join(folder, 'scans/000.arrow'));
  for (let copy = 1; copy < COPIES; copy++) {
    linkSync(join(folder, 'scans/000.arrow'), join(folder, `scans/${String(copy).padStart(3, '0')}.arrow`));
  }
  const job = {
    name: 'digits',
    source: { uri: 'scans' },
    model: { uri: join(root, 'native-models/digits/digits.onnx') },
    inputs: { image: { column: 'pixels', shape: [1, 28, 28], scale: 1 / 255 } },
    sink: { uri: 'out', format: 'parquet', keep: ['id', 'label'] },
  };
  writeFileSync(join(folder, 'job.json'), JSON.stringify(job));
  const page = join(folder, 'report.html');
  const shot = join(folder, 'report.png');
  execFileSync(
    process.execPath,
    [join(root, 'dist/cli/main.js'), 'run', join(folder, 'job.json'), '--report', page],
    { stdio: 'inherit' },
  );
  const { status, stderr } = spawnSync(
    values.chromium,
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--hide-scrollbars',
      `--user-data-dir=${join(folder, 'profile')}`,
      `--window-size=${WIDTH},${HEIGHT}`,
      `--screenshot=${shot}`,
      `file://${page}`,
    ],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`${values.chromium} ended with ${status}: ${stderr}`);
  // A page has few colours: with a palette it is a third as large.
  await sharp(shot).png({ palette: true, effort: 10 }).toFile(values.out);
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
