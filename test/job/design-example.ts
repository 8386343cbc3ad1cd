/** The job file that the design has begun with, to the letter: it must go on to be one. */
export const DESIGN_EXAMPLE = `
# job.yaml — validated against a published JSON Schema (\`penstock schema\`), errors name the key and the line
name: digits
source:
  uri: data/digits.arrow            # file, directory or glob; plain path, file:, http(s):, s3:, gs:, az:
  format: auto                      # auto | arrow | arrow-stream | parquet
  columns: [id, pixels]             # optional projection; by default what inputs and keep need
  limit: 10000                      # optional
  storage: { endpoint: …, region: … }   # options for remote storage; secrets come from the environment only
model:
  uri: native-models/digits/digits.onnx
  runtime: onnx                     # onnx | tensorflow | simulated
  providers: [cuda, webgpu, cpu]    # tried in order
  instances: auto
  options: {}                       # handed to the session (simulated: rowMicros, batchMicros)
inputs:                             # model input → column; may be left out where names and shapes match
  image: { column: pixels, dtype: float32, shape: [1, 28, 28], scale: 0.00392156862745098, mean: 0, std: 1 }
transform: ./transform.mjs          # optional module, default export, runs in the producers on whole record batches
batch:
  size: 64                          # rows at most
  maxDelayMs: 50                    # how long a row may wait for company
  order: any                        # any | fixed: batches never mix splits, rows in order
  lengthColumn: tokens              # optional: variable length, with
  buckets: [32, 64, 128, 256]       #   padded lengths and
  maxTokens: 8192                   #   a token budget
producers: auto
ring: { slots: 8 }
outputs: { logits: { as: logits } } # model output → column; all by default
sink:
  uri: out/digits                   # directory or remote prefix
  format: arrow                     # arrow | parquet | jsonl | none
  keep: [id, label]                 # input columns carried over
errors: { maxRows: 0 }
`;
