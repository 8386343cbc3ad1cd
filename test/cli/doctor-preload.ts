import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/**
 * The environment in which code runs first in every process of the doctor that has a task, `provider webgpu` for
 * instance: to make it crash, hang or miss something.
 */
export function inTasks(file: string, tasks: Readonly<Record<string, string>>): Record<string, string> {
  const cases = Object.entries(tasks).map(([task, code]) => `case '${task}': { ${code} } break;`);
  writeFileSync(
    file,
    `if (process.argv[1]?.endsWith('doctor/child/main.js')) switch (process.argv.slice(2).join(' ').trim()) {
${cases.join('\n')}\n}\n`,
  );
  return { NODE_OPTIONS: `--import=${pathToFileURL(file)}` };
}

export const HANG = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);';
export const CRASH = `process.kill(process.pid, 'SIGSEGV'); ${HANG}`;

/** Lets the import of a package fail, whatever is installed. */
export function failing(name: string, message: string, code = 'ERR_DLOPEN_FAILED'): string {
  const error = `Object.assign(new Error(${JSON.stringify(message)}), { code: '${code}' })`;
  const hooks = `export const resolve = (specifier, context, next) => {
    if (specifier === '${name}') throw ${error};
    return next(specifier, context);
  };`;
  const url = `data:text/javascript;base64,${Buffer.from(hooks).toString('base64')}`;
  return `(await import('node:module')).register('${url}');`;
}

/** Lets a package be missing. */
export function without(name: string): string {
  return failing(name, `Cannot find package '${name}' imported from here`, 'ERR_MODULE_NOT_FOUND');
}
