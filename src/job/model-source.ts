import path from 'node:path';
import { filesNamedBy } from '../session/model-files.js';
import {
  download,
  type Fetching,
  type NamedObject,
  objectsBelow,
  remoteObject,
} from '../storage/download.js';
import type { AboutKept, Draft } from '../storage/folder-cache.js';
import { besideUri, parseRemote } from '../storage/uri.js';
import { fromRecord, PenstockError, StorageError, toRecord } from '../util/errors.js';

// What a model or a module in remote storage consists of, and whether that is still what it was.

const SAVED_MODEL = 'saved_model.pb';
const MODEL_JSON = 'model.json';

/**
 * Fetches all files of what a URL names: a module; a model of ONNX with its weights; a model.json with its weights; a
 * SavedModel.
 *
 * @param runtime of a model; undefined for a module, which is one file
 * @returns what of it the URL means: a file, or empty for the folder
 * @throws StorageError where a file is not there or can't be read; DeviceError where a model names files outside its folder
 */
export async function fetchFiles(
  draft: Draft,
  uri: string,
  runtime: string | undefined,
  fetching: Fetching,
): Promise<string> {
  const bring = (object: NamedObject['object'], file: string): Promise<void> =>
    download(object, file, fetching);
  const found = await find(uri, runtime, fetching);
  if ('objects' in found) {
    await draft.add(found.objects, bring);
    return '';
  }
  const main = found.file;
  const name = nameOf(main, fetching);
  await draft.add([{ name, object: await remoteObject(main, fetching) }], bring);
  if (runtime === undefined) return name;
  const file = path.join(draft.folder, name);
  const names = (await named(runtime, file, main)).filter((other) => other !== name);
  const others = await Promise.all(names.map((other) => weight(main, other, fetching)));
  await draft.add(others, bring);
  return name;
}

/** Whether what was kept is what is there now. What storage has no versions of can't be told. */
export async function isCurrent(about: AboutKept, fetching: Fetching): Promise<boolean> {
  const { uri, main, objects } = about;
  if (objects.some(({ version }) => version === '')) return false;
  const now =
    main === ''
      ? (await objectsBelow(folderOf(uri), fetching)).map(({ object }) => object)
      : await Promise.all(
          // Fetching them once more tells what is wrong.
          objects.map((object) => remoteObject(object.uri, fetching).catch(() => undefined)),
        );
  return (
    now.length === objects.length &&
    objects.every(({ uri, size, version }) =>
      now.some((other) => other?.uri === uri && other.size === size && other.version === version),
    )
  );
}

async function find(
  uri: string,
  runtime: string | undefined,
  fetching: Fetching,
): Promise<{ readonly file: string } | { readonly objects: readonly NamedObject[] }> {
  if (runtime !== 'tensorflow' || /\.json$/i.test(uri)) return { file: uri };
  const folder = folderOf(uri);
  const objects = await objectsBelow(folder, fetching);
  // As a folder on this machine is looked into: see `locate`.
  const has = (name: string): boolean => objects.some((object) => object.name === name);
  if (has(SAVED_MODEL)) return { objects };
  if (has(MODEL_JSON)) return { file: besideUri(`${folder}/`, MODEL_JSON) };
  if (objects.length === 0) return { file: uri };
  throw new StorageError(`${uri}: is a folder without a ${MODEL_JSON} or a ${SAVED_MODEL}`, {
    file: uri,
    key: 'model.uri',
  });
}

/** Of a SavedModel, which may be named by the file in it; without a slash at the end. */
function folderOf(uri: string): string {
  const folder = uri.endsWith(`/${SAVED_MODEL}`) ? uri.slice(0, -SAVED_MODEL.length) : uri;
  return folder.replace(/([^/])\/+$/, '$1');
}

/** The last part of a URL; files here keep their names, which tell what they are. */
function nameOf(uri: string, { section }: Fetching): string {
  return parseRemote(uri, section).path.split('/').at(-1) ?? '';
}

async function named(runtime: string, file: string, uri: string): Promise<readonly string[]> {
  try {
    return await filesNamedBy(runtime, file);
  } catch (error) {
    throw renamed(error, file, uri);
  }
}

async function weight(main: string, name: string, fetching: Fetching): Promise<NamedObject> {
  const uri = besideUri(main, name);
  try {
    return { name, object: await remoteObject(uri, fetching) };
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    throw new StorageError(`${error.message}; ${main} keeps weights in it`, {
      ...error.place,
      cause: error,
      hint: 'Copy it to where the model is, under the name that it had there.',
    });
  }
}

/** An error that names a file here, or one beside it, as one that names where it came from. */
export function renamed(error: unknown, file: string, uri: string): unknown {
  const folder = `${path.dirname(file)}${path.sep}`;
  if (!(error instanceof PenstockError) || !error.message.includes(folder)) return error;
  const record = toRecord(error);
  const place = record.place.file === file ? { ...record.place, file: uri } : record.place;
  const message = record.message.replaceAll(file, uri).replaceAll(folder, besideUri(uri, ''));
  return fromRecord({ ...record, place, message });
}
