import { realpath } from 'node:fs/promises';
import path from 'node:path';
import { DeviceError } from '../../util/errors.js';
import { isInside } from '../is-inside.js';

/**
 * The path of a file that a model names. A model is data from elsewhere: what it names must lie beside it, and lead
 * nowhere else by a link. Links to where the model's own file leads are fine: caches of downloads are made of them.
 *
 * @param file the one that names it: a model.json, a saved_model.pb
 * @param folder from which the name is meant
 * @throws DeviceError for one outside; a file that is not there is for others to miss
 */
export async function insideModel(
  { file, folder }: { readonly file: string; readonly folder: string },
  name: string,
  what: 'weights' | 'asset',
): Promise<string> {
  const named = path.resolve(folder, name);
  const refuse = (leads: string, hint: string): DeviceError =>
    new DeviceError(
      `${file}: names ${what} ${JSON.stringify(name)}${leads}, outside of the folder of the model: refused`,
      { file, hint },
    );
  if (!isInside(path.resolve(folder), named))
    throw refuse('', 'Keep all that belongs to a model in its folder.');
  const leads = await realpath(named).catch(() => undefined);
  if (leads === undefined) return named;
  const homes = [await realpath(path.dirname(file)), path.dirname(await realpath(file))];
  if (homes.some((home) => isInside(home, leads))) return named;
  throw refuse(`, a link to ${leads}`, 'Copy the model with what its links lead to, as cp -rL does.');
}
