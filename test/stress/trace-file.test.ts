import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readTrace } from '../../src/stress/trace-file.js';
import { workspace } from '../helpers/workspace.js';

function written(name: string, text: string): string {
  const path = workspace()(name);
  writeFileSync(path, text);
  return path;
}

test('CSV: requests by endpoint, from the first on, in the order of their times', async () => {
  const file = written(
    'load.csv',
    'time,endpoint,rows\r\n100.5,online,2\r\n100,online,\r\n\r\n103,bulk,64\r\n101,online,1\r\n',
  );
  const { streams, seconds } = await readTrace(file);
  expect(seconds).toBe(3);
  expect(streams).toEqual([
    { endpoint: 'online', arrivals: { kind: 'trace', times: [0, 0.5, 1], rows: [1, 2, 1] } },
    { endpoint: 'bulk', arrivals: { kind: 'trace', times: [3], rows: [64] } },
  ]);
});

test('CSV: columns in any order, and only the time is needed', async () => {
  const file = written('load.csv', 'rows,time\n3,0\n4,1.5\n');
  expect((await readTrace(file)).streams).toEqual([
    { endpoint: undefined, arrivals: { kind: 'trace', times: [0, 1.5], rows: [3, 4] } },
  ]);
});

test('JSON lines', async () => {
  const file = written('load.jsonl', '{"time": 2}\n{"time": 1, "endpoint": "online", "rows": 8}\n');
  expect((await readTrace(file)).streams).toEqual([
    { endpoint: 'online', arrivals: { kind: 'trace', times: [0], rows: [8] } },
    { endpoint: undefined, arrivals: { kind: 'trace', times: [1], rows: [1] } },
  ]);
});

test.each([
  ['load.csv', 'when,rows\n1,1\n', ':1: expected a header with the column time'],
  ['load.csv', 'time,rows\n1,1\nsoon,1\n', ':3: time: expected a number of seconds'],
  ['load.csv', 'time,rows\n1,0\n', ':2: rows: expected 1 or more'],
  ['load.csv', 'time\n', 'holds no requests'],
  ['load.jsonl', '{"time": 1}\n{"time": \n', ':2: no JSON'],
  ['load.jsonl', '{"rows": 1}\n', ':1: time: expected'],
])('%s: %j is refused', async (name, text, message) => {
  await expect(readTrace(written(name, text))).rejects.toThrow(message);
});

test('a file that is not there is named', async () => {
  await expect(readTrace('/nowhere/load.csv')).rejects.toThrow("--trace: /nowhere/load.csv: can't be read");
});
