import { appendFileSync, mkdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, relative, resolve } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { listLocal, openLocal } from '../../src/storage/local.js';
import type { ObjectReader, StoredObject } from '../../src/storage/types.js';
import { StorageError } from '../../src/util/errors.js';
import { random } from '../helpers/random.js';
import { workspace } from '../helpers/workspace.js';

/** Writes files of one byte, with the directories that they need. Returns the workspace. */
function files(...names: string[]): ReturnType<typeof workspace> {
  const at = workspace();
  for (const name of names) {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), 'x');
  }
  return at;
}

async function listed(uri: string): Promise<string[]> {
  return (await listLocal(uri)).map((object) => object.uri);
}

async function only(uri: string): Promise<StoredObject> {
  const objects = await listLocal(uri);
  expect(objects).toHaveLength(1);
  return objects[0] as StoredObject;
}

async function opened(object: StoredObject): Promise<ObjectReader> {
  const reader = await openLocal(object);
  onTestFinished(() => reader.close());
  return reader;
}

describe('a listing', () => {
  test('of a file is that file, as it was named, with its size', async () => {
    const at = workspace();
    writeFileSync(at('a.arrow'), 'seven b');
    expect(await listLocal(at('a.arrow'))).toEqual([
      { uri: at('a.arrow'), size: 7, version: expect.any(String) },
    ]);
    const short = relative(process.cwd(), at('a.arrow'));
    expect(await listed(short)).toEqual([short]);
  });

  test('of a file takes every name, also those that mark something in a directory', async () => {
    const at = files('_data.arrow', '.data.arrow', 'week[1]*.arrow');
    for (const name of ['_data.arrow', '.data.arrow', 'week[1]*.arrow']) {
      expect(await listed(at(name))).toEqual([at(name)]);
    }
  });

  test('of a directory is all files below it, sorted, without markers', async () => {
    const at = files(
      'data/b.arrow',
      'data/a.arrow',
      'data/2/z.arrow',
      'data/10/deep/y.arrow',
      'data/name with space.arrow',
      'data/_SUCCESS',
      'data/_temporary/half.arrow',
      'data/2/_lock',
      'data/.hidden',
      'data/.cache/c.arrow',
      'data/2/.part.arrow.tmp',
    );
    expect(await listed(at('data'))).toEqual(
      ['10/deep/y.arrow', '2/z.arrow', 'a.arrow', 'b.arrow', 'name with space.arrow'].map((name) =>
        at('data', name),
      ),
    );
  });

  test.each(['_staging/data', '.staging/data', 'data[1]', '{a,b}'])(
    'of a directory minds the names below it, not its own: %s',
    async (name) => {
      const at = files(`${name}/a.arrow`, `${name}/sub/b.arrow`);
      expect(await listed(at(name))).toEqual([at(name, 'a.arrow'), at(name, 'sub/b.arrow')]);
      expect(await listed(`${at(name)}/`)).toEqual([at(name, 'a.arrow'), at(name, 'sub/b.arrow')]);
    },
  );

  test('of a link is what it leads to', async () => {
    const at = files('data/a.arrow');
    symlinkSync(at('data'), at('latest'));
    symlinkSync(at('data/a.arrow'), at('a-link.arrow'));
    expect(await listed(at('latest'))).toEqual([at('latest/a.arrow')]);
    expect(await listed(at('a-link.arrow'))).toEqual([at('a-link.arrow')]);
  });

  test('of a glob is the files that match, sorted', async () => {
    const at = files('2024/b.arrow', '2024/a.arrow', '2023/c.arrow', '2024/a.txt');
    const names = async (glob: string): Promise<string[]> =>
      (await listed(at(glob))).map((uri) => relative(at(), resolve(uri)));
    expect(await names('*/*.arrow')).toEqual(['2023/c.arrow', '2024/a.arrow', '2024/b.arrow']);
    expect(await names('2024/{a,b}.*')).toEqual(['2024/a.arrow', '2024/a.txt', '2024/b.arrow']);
    expect(await names('**/c.*')).toEqual(['2023/c.arrow']);
  });

  test('of a glob names files from the same place as the glob does, wherever the process runs', async () => {
    const at = files('data/a.arrow');
    expect(await listed(at('data/*.arrow'))).toEqual([at('data/a.arrow')]);
    const short = relative(process.cwd(), at('data/*.arrow'));
    expect(await listed(short)).toEqual([relative(process.cwd(), at('data/a.arrow'))]);
  });

  test('of a glob in a folder whose name looks like one', async () => {
    const at = files('data (1)/[old]/a.arrow', 'data (1)/[old]/b.txt');
    expect(await listed(at('data (1)/[old]/*.arrow'))).toEqual([at('data (1)/[old]/a.arrow')]);
    expect(await listed(at('data (1)/*/a.*'))).toEqual([at('data (1)/[old]/a.arrow')]);
    expect(await listed(at('data (1)'))).toHaveLength(2);
    await expect(listed(at('data (1)/[old]/c.arrow'))).rejects.toThrow('c.arrow: no such file or directory');
  });

  test('of a glob is not what lies in a directory that matches, least of all its markers', async () => {
    const at = files(
      'runs/a/part-00000.arrow',
      'runs/a/_SUCCESS',
      'runs/a/_temporary/half.arrow',
      'runs/b.arrow',
    );
    expect((await listed(at('runs/{a,b.arrow}'))).map((uri) => basename(uri))).toEqual(['b.arrow']);
  });

  test('is the same, version and all, as long as nothing changes', async () => {
    const at = files('a.arrow', 'b.arrow');
    expect(await listLocal(at())).toEqual(await listLocal(at()));
  });

  test('gives a changed file another version, though it has the same size', async () => {
    const at = files('a.arrow');
    const before = await only(at('a.arrow'));
    utimesSync(at('a.arrow'), 1e9, 1e9);
    expect((await only(at('a.arrow'))).version).not.toBe(before.version);
  });
});

describe('where nothing is there', () => {
  test.each([
    ['absent.arrow', 'no such file or directory'],
    ['a.arrow/below.arrow', 'no such file or directory'],
    ['*.parquet', 'no file matches'],
    ['empty', 'the directory holds no data files'],
  ])('%s is refused: %s', async (name, reason) => {
    const at = files('a.arrow', 'empty/_SUCCESS');
    const failure = listLocal(at(name));
    await expect(failure).rejects.toThrow(`${at(name)}: ${reason}`);
    await expect(failure).rejects.toBeInstanceOf(StorageError);
  });
});

describe('a reader', () => {
  const seed = 1;
  const next = random(seed);
  const content = Uint8Array.from({ length: 10_000 }, () => Math.floor(256 * next()));

  async function reader(): Promise<ObjectReader> {
    const at = workspace();
    writeFileSync(at('data'), content);
    return opened(await only(at('data')));
  }

  test('fills what it is given from any place of the file', async () => {
    const file = await reader();
    for (const [offset, length] of [
      [0, 1],
      [0, 10_000],
      [4097, 5000],
      [9999, 1],
      [500, 0],
      [10_000, 0],
    ] as const) {
      const into = new Uint8Array(length);
      await file.read(offset, into);
      expect(into).toEqual(content.subarray(offset, offset + length));
    }
  });

  test('fills a view of shared memory and nothing around it', async () => {
    const memory = new SharedArrayBuffer(300);
    await (await reader()).read(7000, new Uint8Array(memory, 100, 100));
    expect([...new Uint8Array(memory)]).toEqual([
      ...new Uint8Array(100),
      ...content.subarray(7000, 7100),
      ...new Uint8Array(100),
    ]);
  });

  test('serves many reads at the same time', async () => {
    const file = await reader();
    const parts = Array.from({ length: 100 }, () => new Uint8Array(100));
    await Promise.all(parts.map((part, i) => file.read(i * 100, part)));
    expect(Buffer.concat(parts).equals(content)).toBe(true);
  });

  test('says where the file ends, if that is before what was asked for', async () => {
    const file = await reader();
    const failure = file.read(9990, new Uint8Array(20));
    await expect(failure).rejects.toBeInstanceOf(StorageError);
    await expect(failure).rejects.toThrow(
      `${file.object.uri}: ends at byte 10000, before byte 10010: it was shortened`,
    );
  });

  test('notices that the file was shortened while it is open', async () => {
    const file = await reader();
    truncateSync(file.object.uri, 100);
    await expect(file.read(0, new Uint8Array(100))).resolves.toBeUndefined();
    await expect(file.read(50, new Uint8Array(100))).rejects.toThrow('ends at byte 100, before byte 150');
  });

  test('reads as many bytes as are asked for, also where they are more than 2 GiB', async () => {
    const at = workspace();
    const size = 2 ** 31 + 100;
    writeFileSync(at('data'), '');
    // A file without blocks on the disk; cut short before it is read, so that the test need not read it all.
    truncateSync(at('data'), size);
    const file = await opened(await only(at('data')));
    truncateSync(at('data'), 10);
    const into = new Uint8Array(size);
    const shortened = `ends at byte 10, before byte ${size}: it was shortened`;
    await expect(file.read(0, into)).rejects.toThrow(shortened);
    expect(() => file.readSync?.(0, into, 0, size)).toThrow(shortened);
  });

  test('fails with the place in the file where reading fails', async () => {
    const at = workspace();
    writeFileSync(at('data'), content);
    const file = await openLocal(await only(at('data')));
    await file.close();
    const failure = file.read(1234, new Uint8Array(10));
    await expect(failure).rejects.toBeInstanceOf(StorageError);
    await expect(failure).rejects.toThrow(`${at('data')}: reading at byte 1234 failed: EBADF`);
  });
});

describe('a file that was listed is not opened', () => {
  test.each([
    ['when it grew', (path: string) => appendFileSync(path, 'more'), '(1 bytes then, 5 now)'],
    ['when it was shortened', (path: string) => truncateSync(path, 0), '(1 bytes then, 0 now)'],
    ['when it was written again', (path: string) => utimesSync(path, 1e9, 1e9), '(1 bytes then, 1 now)'],
  ])('%s', async (_, change, sizes) => {
    const at = files('a.arrow');
    const object = await only(at('a.arrow'));
    change(at('a.arrow'));
    const failure = openLocal(object);
    await expect(failure).rejects.toBeInstanceOf(StorageError);
    await expect(failure).rejects.toThrow(`${at('a.arrow')}: the file changed since it was listed ${sizes}`);
  });

  test('when it is gone', async () => {
    const at = workspace();
    const failure = openLocal({ uri: at('gone'), size: 1, version: '0' });
    await expect(failure).rejects.toBeInstanceOf(StorageError);
    await expect(failure).rejects.toThrow(`${at('gone')}: can't be opened: there is no such file`);
  });
});
