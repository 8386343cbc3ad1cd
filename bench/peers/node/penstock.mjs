// Penstock: createLoader, and runJob from end to end, as it was built last.
import { dirname } from 'node:path';
import { createLoader, runJob } from '../../../dist/index.js';
import { main } from './harness.mjs';

async function* batches({ files, size, workers }) {
  const source = files.length === 1 ? files[0] : dirname(files[0]);
  for await (const batch of createLoader({ source, batch: { size }, producers: workers })) {
    yield { data: batch.tensors.x.data, rows: batch.rows, release: () => batch.release() };
  }
}

async function endToEnd({ files, size, workers, threads, model, scale, inputName, output }) {
  const startedAt = performance.now();
  const report = await runJob(
    {
      source: { uri: files.length === 1 ? files[0] : dirname(files[0]) },
      // As many as the others have.
      model: { uri: model, instances: 1, options: { intraOpNumThreads: threads } },
      inputs: { [inputName]: { column: 'x', ...(scale === null ? {} : { scale }) } },
      batch: { size },
      producers: workers,
      sink: { uri: output },
    },
    { overwrite: true },
  );
  return { rows: report.rows.written, seconds: (performance.now() - startedAt) / 1000, report };
}

await main(batches, { endToEnd, packages: ['onnxruntime-node'] });
