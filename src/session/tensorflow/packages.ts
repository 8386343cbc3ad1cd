import { DeviceError, messageOf } from '../../util/errors.js';

/** Imports an optional package. Throws a sentence that says what to do about it, where it is not there or broken. */
export async function importPackage<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new DeviceError(reason(name, error), { cause: error });
  }
}

function reason(name: string, error: unknown): string {
  const [firstLine = ''] = messageOf(error).split('\n');
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const isMissing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
  // The package may be there, and one that it needs not.
  if (isMissing && firstLine.includes(`'${name}'`)) return `the package ${name} is not installed`;
  return `the package ${name} does not load: ${firstLine}`;
}
