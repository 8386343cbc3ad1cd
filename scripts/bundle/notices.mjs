// @ts-check
// THIRD-PARTY.txt of a bundle: the licence of every package in it, and its text where the package has no file of it.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../steps.mjs';

/**
 * Who holds the rights in packages under the MIT licence that have no file that says so, from their sources.
 * @type {Readonly<Record<string, string>>}
 */
const HOLDERS = {
  '@koromix/koffi-linux-x64': 'Niels Martignène',
  '@msgpackr-extract/msgpackr-extract-linux-x64': 'Kris Zyp',
  '@napi-rs/nice-linux-x64-gnu': 'N-API for Rust',
  'abstract-logging': 'James Sumners',
  'onnxruntime-common': 'Microsoft Corporation',
  'onnxruntime-node': 'Microsoft Corporation',
  seedrandom: 'David Bau',
  tr46: 'Sebastian Mayr',
};

const MIT = `MIT License

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy,
modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE,
ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;

/**
 * @param {readonly import('../packages.mjs').ProductionPackage[]} packages installed here
 * @returns {string}
 * @throws Error where a package has no text of its licence, and it is not known whose it is
 */
export function noticesOf(packages) {
  const lines = packages.map(({ name, path, entry }) => {
    const line = `${name} ${entry.version}: ${entry.license}`;
    if (readdirSync(join(root, path)).some((file) => /^(licen[cs]e|copying)/i.test(file))) return line;
    if (entry.license?.startsWith('Apache-2.0'))
      return `${line}\n  its text is that of LICENSE in the folder penstock`;
    const holder = HOLDERS[name];
    if (holder === undefined || entry.license !== 'MIT')
      throw new Error(`${path} has no file of its licence: scripts/bundle/notices.mjs must tell whose it is`);
    return `${line}\n  © ${holder}; its text is at the end`;
  });
  return `Packages in penstock/node_modules, and their licences. Where nothing else is said, the text is in the package's folder.
ONNX Runtime and Dawn (in webgpu) contain software of others: ThirdPartyNotices.txt of
https://github.com/microsoft/onnxruntime and third_party of https://dawn.googlesource.com/dawn tell of it.

${lines.join('\n')}

${MIT}`;
}
