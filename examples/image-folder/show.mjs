// Reads the outputs: which digit the model saw in each image, and how often it was what the file's name says.
import { readdirSync, readFileSync } from 'node:fs';

const out = new URL('out/', import.meta.url);
const parts = readdirSync(out)
  .filter((name) => name.startsWith('part-'))
  .sort();
const rows = parts
  .flatMap((name) => readFileSync(new URL(name, out), 'utf8').split('\n'))
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line));

let right = 0;
for (const { path, logits } of rows) {
  const digit = logits.indexOf(Math.max(...logits));
  if (path.includes(`-is-${digit}.`)) right++;
}
console.log(`${rows.length} images, ${right} named right`);
