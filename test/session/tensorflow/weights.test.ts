import {
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, test } from 'vitest';
import { modelFiles } from '../../../src/session/model-files.js';
import { DeviceError, StorageError } from '../../../src/util/errors.js';
import { additionGraph } from '../../helpers/graph-model.js';
import { workspace } from '../../helpers/workspace.js';
import { GRAPH, LAYERS, open } from './models.js';

const manifest = (...paths: string[]) => ({
  weightsManifest: [{ paths, weights: [{ name: 'b', shape: [3], dtype: 'float32' }] }],
});

describe('weights that a model names', () => {
  test.each(['../weights.bin', '/etc/hostname', 'deeper/../../weights.bin', '..', '', '.'])(
    'outside of its folder are refused: %j',
    async (name) => {
      const at = workspace();
      writeFileSync(at('weights.bin'), new Uint8Array(12));
      const refused = open(additionGraph(at('m'), manifest(name)));
      await expect(refused).rejects.toBeInstanceOf(DeviceError);
      await expect(refused).rejects.toThrow(
        `names weights ${JSON.stringify(name)}, outside of the folder of the model: refused`,
      );
    },
  );

  test('outside of its folder are refused where a link leads to them', async () => {
    const at = workspace();
    const folder = additionGraph(at('m'));
    renameSync(`${folder}/weights.bin`, at('weights.bin'));
    symlinkSync('../weights.bin', `${folder}/weights.bin`);
    const refused = open(folder);
    await expect(refused).rejects.toBeInstanceOf(DeviceError);
    await expect(refused).rejects.toThrow(
      `names weights "weights.bin", a link to ${realpathSync(at('weights.bin'))}, outside of the folder of the model: refused`,
    );
    await expect(modelFiles('tensorflow', folder)).rejects.toThrow('a link to');
  });

  test('and itself may be links to where all of it lies, as in a cache of downloads', async () => {
    const at = workspace();
    const folder = additionGraph(at('blobs'));
    mkdirSync(at('snapshot'));
    for (const name of ['model.json', 'weights.bin']) {
      renameSync(`${folder}/${name}`, at('blobs', `${name}-of-this-version`));
      symlinkSync(`../blobs/${name}-of-this-version`, at('snapshot', name));
    }
    expect((await open(at('snapshot'))).outputs[0]?.name).toBe('y');
  });

  test('in a folder below are taken, in several shards', async () => {
    const folder = additionGraph(workspace()('m'), manifest('deep/1of2', './..2of2'));
    mkdirSync(`${folder}/deep`);
    writeFileSync(`${folder}/deep/1of2`, new Uint8Array(5));
    writeFileSync(`${folder}/..2of2`, new Uint8Array(7));
    expect((await open(folder)).outputs[0]?.name).toBe('y');
  });

  test('that are not there are named', async () => {
    const folder = additionGraph(workspace()('m'));
    rmSync(`${folder}/weights.bin`);
    const missing = open(folder);
    await expect(missing).rejects.toBeInstanceOf(StorageError);
    await expect(missing).rejects.toThrow(
      `${folder}/weights.bin: weights of the model can't be read: ENOENT`,
    );
  });

  test.each([
    [11, 'they are cut off'],
    [13, 'they belong to another model'],
  ])('of %i bytes instead of 12 are refused: %s', async (bytes, why) => {
    const folder = additionGraph(workspace()('m'));
    truncateSync(`${folder}/weights.bin`, bytes);
    await expect(open(folder)).rejects.toThrow(
      `its weights weights.bin have ${bytes} bytes, expected 12: ${why}`,
    );
  });

  test.each([
    [{}],
    [['weights.bin']],
    [[{ paths: 'weights.bin', weights: [] }]],
    [[{ paths: [], weights: [{}] }]],
  ])('in a manifest that is none are refused: %j', async (weightsManifest) => {
    await expect(open(additionGraph(workspace()('m'), { weightsManifest }))).rejects.toThrow(
      'its weightsManifest is no list of paths and weights',
    );
  });
});

describe('a model that is none is refused with the reason', () => {
  test.each([
    ['no JSON', '{', 'is no TensorFlow.js model: it is no JSON'],
    ['a list', '[]', 'its JSON is no object'],
    ['an empty object', '{}', 'it has no modelTopology'],
    ['an unknown format', '{"format":"onnx","modelTopology":{}}', 'its format is "onnx"'],
    ['an unknown topology', '{"modelTopology":{}}', 'its modelTopology is neither a graph nor layers'],
    ['layers that there are none of', '{"modelTopology":{"class_name":"Nonsense","config":{}}}', 'Nonsense'],
    [
      'a graph without versions',
      '{"modelTopology":{"node":[]}}',
      'is no model that TensorFlow (wasm) can load',
    ],
  ])('%s', async (_, text, message) => {
    const at = workspace();
    writeFileSync(at('model.json'), text);
    const refused = open(at());
    await expect(refused).rejects.toBeInstanceOf(DeviceError);
    await expect(refused).rejects.toThrow(message);
  });

  test('a folder with nothing in it, and nothing', async () => {
    const at = workspace();
    await expect(open(at())).rejects.toThrow('is a folder without a model.json or a saved_model.pb');
    await expect(open(at('absent'))).rejects.toThrow(
      "absent: the model can't be opened: there is no such file",
    );
  });
});

test('the files of a model are all that decide what it gives', async () => {
  expect(await modelFiles('tensorflow', GRAPH)).toEqual(
    ['model.json', 'weights.bin', 'shapes.bin'].map((name) => `${GRAPH}/${name}`),
  );
  expect(await modelFiles('tensorflow', `${LAYERS}/model.json`)).toEqual(
    ['model.json', 'weights.bin'].map((name) => `${LAYERS}/${name}`),
  );
  const at = workspace();
  mkdirSync(at('variables'));
  for (const name of ['saved_model.pb', 'variables/variables.index']) writeFileSync(at(name), '');
  expect(await modelFiles('tensorflow', at('saved_model.pb'))).toEqual([
    at('saved_model.pb'),
    at('variables/variables.index'),
  ]);
  mkdirSync(at('linked'));
  symlinkSync('../saved_model.pb', at('linked/saved_model.pb'));
  symlinkSync('../variables', at('linked/variables'));
  expect(await modelFiles('tensorflow', at('linked'))).toEqual([
    at('linked/saved_model.pb'),
    at('linked/variables/variables.index'),
  ]);
});
