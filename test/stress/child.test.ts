import { expect, onTestFinished, test } from 'vitest';
import { Child } from '../../src/stress/child.js';

type Echo = { readonly echo: { readonly question: string; readonly answer: string } };

function childOf(file: string): Child<Echo> {
  const child = new Child<Echo>(new URL(`./fixtures/${file}`, import.meta.url), 'the server');
  onTestFinished(() => child[Symbol.asyncDispose]());
  return child;
}

test('a child answers what it is asked, until it is let go', async () => {
  const child = childOf('echo.mjs');
  const answers = ['a', 'b', 'c'].map((question) => child.ask('echo', question));
  expect(await Promise.all(answers)).toEqual(['a', 'b', 'c']);
  await child[Symbol.asyncDispose]();
  await expect(child.ask('echo', 'd')).rejects.toThrow('the server: was let go');
});

test('a child that is asked when it has been let go already, and is not gone yet, fails the question alone', async () => {
  const child = childOf('echo.mjs');
  await child.ask('echo', 'a');
  const gone = child[Symbol.asyncDispose]();
  await expect(child.ask('echo', 'b')).rejects.toThrow('the server: was let go');
  await gone;
});

test('a child that does not start says why, and is gone', async () => {
  const child = childOf('absent.mjs');
  await expect(child.ask('echo', 'a')).rejects.toThrow(
    /the server: ended early, with code 1: .*absent\.mjs/s,
  );
  await child[Symbol.asyncDispose]();
});
