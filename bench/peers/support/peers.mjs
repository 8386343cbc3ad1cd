/**
 * Who is compared. `environment` names the Python environment that a script runs in; without one it runs in Node.
 * `overlaps`: loads ahead, in other threads or processes, while its consumer is busy. `mostRows`: for a loader that plans
 * all of its rows before the first batch, and reads no more of them in the time it is looked at.
 */
export const PEERS = [
  { id: 'penstock-1', name: 'Penstock, 1 producer', script: 'node/penstock.mjs', workers: 1, overlaps: true },
  {
    id: 'penstock-2',
    name: 'Penstock, 2 producers',
    script: 'node/penstock.mjs',
    workers: 2,
    overlaps: true,
  },
  { id: 'node', name: 'plain Node loop (Parquet: DuckDB)', script: 'node/plain-loop.mjs', variant: 'duckdb' },
  {
    id: 'node-wasm',
    name: 'plain Node loop, parquet-wasm',
    script: 'node/plain-loop.mjs',
    variant: 'parquet-wasm',
    formats: ['parquet'],
  },
  {
    id: 'numpy',
    name: 'numpy copy loop',
    environment: 'pyarrow',
    script: 'python/numpy_loop.py',
    formats: ['arrow'],
  },
  {
    id: 'pyarrow',
    name: 'pyarrow, one thread',
    environment: 'pyarrow',
    script: 'python/pyarrow_parquet.py',
    formats: ['parquet'],
  },
  ...[0, 1, 2].map((workers) => ({
    id: `pytorch-${workers}`,
    name: `PyTorch DataLoader, ${workers} worker${workers === 1 ? '' : 's'}`,
    environment: 'pytorch',
    script: 'python/pytorch_loader.py',
    workers,
    overlaps: workers > 0,
  })),
  {
    id: 'ray',
    name: 'Ray Data',
    environment: 'ray',
    script: 'python/ray_data.py',
    overlaps: true,
    // It hands over blocks of many batches: a short look sees one, or none.
    leastSeconds: 8,
    mostRows: 6_000_000,
  },
  ...['numpy', 'torch', 'arrow'].map((variant) => ({
    id: `hf-${variant}`,
    name: `Hugging Face datasets, ${variant}`,
    environment: 'hugging-face',
    script: 'python/hugging_face.py',
    variant,
  })),
  ...['generator', 'map', 'memory'].map((variant) => ({
    id: `tf-${variant}`,
    name: `tf.data, ${{ generator: 'from_generator', map: 'parallel map', memory: 'from memory' }[variant]}`,
    environment: 'tensorflow',
    script: 'python/tf_data.py',
    variant,
    overlaps: true,
    ...(variant === 'memory' ? { formats: ['arrow'] } : {}),
  })),
  ...[0, 1, 2].map((workers) => ({
    id: `mosaic-${workers}`,
    name: `MosaicML Streaming (MDS), ${workers} worker${workers === 1 ? '' : 's'}`,
    environment: 'mosaicml',
    script: 'python/mosaic_streaming.py',
    workers,
    overlaps: workers > 0,
    // Its own format stands in the columns of Arrow.
    formats: ['arrow'],
    mostRows: 1_000_000,
  })),
];

export const reads = ({ formats }, format) => formats === undefined || formats.includes(format);

export const isOurs = ({ id }) => id.startsWith('penstock');
