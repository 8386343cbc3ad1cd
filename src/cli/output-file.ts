import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { LocalOutput } from '../storage/local-output.js';
import { UsageError } from '../util/errors.js';
import { reasonOf } from '../util/system-error.js';

/** A file that a command writes about its work, where its command line says. */
export class OutputFile {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /**
   * Makes sure that it can be written, before any work is done.
   *
   * @param flag the option that names it
   * @param ending what its name must end in, so that a slip of the hand replaces no job file and no data
   * @throws UsageError
   */
  static async at(flag: string, file: string, ending: '.html' | '.json'): Promise<OutputFile> {
    const refuse = (why: string, hint: string): never => {
      throw new UsageError(`${flag}: ${file}: ${why}`, { file, hint });
    };
    if (extname(file).toLowerCase() !== ending)
      refuse(`the name must end in ${ending}`, `Name the file to be written, for instance report${ending}.`);
    const path = resolve(file);
    const folder = dirname(path);
    const found = await stat(path).catch(() => undefined);
    if (found?.isDirectory())
      refuse('it is a directory', `Name a file in it, for instance ${file}/report${ending}.`);
    const isFolder = await stat(folder).then(
      (there) => there.isDirectory(),
      () => false,
    );
    if (!isFolder) refuse('its directory does not exist', `Make it first: mkdir -p ${dirname(file)}`);
    await access(folder, constants.W_OK).catch((cause: unknown) =>
      refuse(`its directory can't be written to: ${reasonOf(cause)}`, 'Name a file somewhere else.'),
    );
    return new OutputFile(path);
  }

  /**
   * Writes it whole, in place of what is there.
   *
   * @throws StorageError
   */
  async write(text: string): Promise<void> {
    await new LocalOutput(dirname(this.path)).write(basename(this.path), Buffer.from(text));
  }
}
