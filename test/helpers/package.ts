import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { productionPackages } from '../../scripts/packages.mjs';
import { repository } from '../cli/penstock.js';

export interface Packed {
  /** The tarball. */
  readonly file: string;
  readonly bytes: number;
  /** Paths in it, as they will be below `node_modules/penstock`. */
  readonly paths: readonly string[];
}

/** The built tree as `npm publish` would send it. It is not built anew: tests run from it. */
export function pack(folder: string): Packed {
  const args = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder];
  const told = execFileSync('npm', args, {
    cwd: repository,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 64 * 1024 * 1024,
  });
  const [{ filename, size, files }] = JSON.parse(told);
  const paths = files.map(({ path }: { path: string }) => path);
  return { file: join(folder, filename), bytes: size, paths };
}

export interface InstallOptions {
  /** Those without which Penstock works too. */
  readonly optional: boolean;
}

/**
 * An empty project with a tarball installed as npm would install it, but without a network: packages that it depends on are
 * those of this repository. No other package is to be found there, in particular none for developers.
 */
export function install(tarball: string, project: string, { optional }: InstallOptions): void {
  const modules = join(project, 'node_modules');
  const own = join(modules, 'penstock');
  mkdirSync(own, { recursive: true });
  writeFileSync(join(project, 'package.json'), '{ "name": "project", "private": true }\n');
  execFileSync('tar', ['-xf', tarball, '-C', own, '--strip-components', '1']);
  for (const { name, path, isOptional } of productionPackages()) {
    // Those inside of another package come along with it.
    if (path !== `node_modules/${name}` || (isOptional && !optional)) continue;
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    // Of another platform, where it leads nowhere.
    symlinkSync(join(repository, path), join(modules, name));
  }
  mkdirSync(join(modules, '.bin'));
  symlinkSync('../penstock/dist/cli/main.js', join(modules, '.bin/penstock'));
  chmodSync(join(own, 'dist/cli/main.js'), 0o755);
}
