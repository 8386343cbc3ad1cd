export { type BenchOptions, benchJob } from './bench/bench-job.js';
export type { BenchProgress, BenchStage } from './bench/progress.js';
export type { SweepAxis } from './bench/sweep.js';
export type {
  BenchReport,
  Ceiling,
  DevicePoint,
  PointToPoint,
  Rate,
  Sweep,
  SweepPoint,
  WhatIf,
} from './bench/types.js';
export { type Cancellation, cancelRun } from './cluster/cancel.js';
export type { Registration, ShardProgress } from './cluster/payload.js';
export type { RunDevice, RunReport, RunWorker } from './cluster/run-summary.js';
export { type Serving, type ServingOptions, startServing } from './cluster/serving.js';
export {
  type QueueStatus,
  queueStatus,
  type RunState,
  type RunStatus,
  type ShardStatus,
  type WorkerStatus,
} from './cluster/status.js';
export { type Submission, type SubmitOptions, submitJob } from './cluster/submit.js';
export { startWorker } from './cluster/worker.js';
export type {
  QueueOptions,
  QueueWorker,
  ShardId,
  ShardRunner,
  WorkerEvent,
  WorkerOptions,
  WorkerSummary,
} from './cluster/worker-options.js';
export type { Shard } from './dataset/shard.js';
export type { Digests } from './job/digests.js';
export { type JsonSchema, jobJsonSchema } from './job/json-schema.js';
export { type LoadJobOptions, loadJob, type ParseJobOptions, parseJob } from './job/load.js';
export { createLoader } from './job/loader.js';
export type {
  Batch,
  BatchTensor,
  FileSource,
  LoaderOptions,
  LoaderSource,
  RowId,
} from './job/loader-options.js';
export { type RunOptions, runJob } from './job/run-job.js';
export type { Job, JobInput } from './job/schema.js';
export type { GpuMetric, GpuSample, GpuSource, GpuUtilization, Spread } from './measure/gpu/types.js';
export type { DeviceProgress, Progress } from './measure/progress.js';
export type { Bottleneck, Choice, DeviceReport, DeviceShares, Report } from './measure/report.js';
export type { DeviceTimeline, Timeline } from './measure/timeline.js';
export { type LivePage, livePage } from './page/live/live-page.js';
export { reportPage } from './page/page.js';
export type { StoppedRun } from './page/types.js';
export type { FeedItem } from './produce/feeder.js';
export type { Row } from './produce/row-collate.js';
export type {
  Columns,
  ColumnValues,
  Transform,
  TransformContext,
  TransformSetup,
} from './produce/transform-types.js';
export {
  type LoadServeOptions,
  loadServeConfig,
  type ParseServeOptions,
  parseServeConfig,
  serveJsonSchema,
} from './serve/config.js';
export type { GrpcLimits } from './serve/grpc/limits.js';
export type { Routes } from './serve/http/app.js';
export type { HttpLimits } from './serve/http/limits.js';
export { Refusal, type RefusalReason } from './serve/refusal.js';
export type { ServeConfig, ServeConfigInput } from './serve/schema.js';
export { type ServeOptions, type Server, startServer } from './serve/server.js';
export type { OpenServerPage, ServerPage, WatchedServer } from './serve/server-page.js';
export type {
  BesideOptions,
  DeviceStats,
  Endpoint,
  EndpointStats,
  EndpointTensor,
  Engine,
  EngineStats,
  InferRequest,
  InferResult,
  InferTimes,
  JobStats,
  Quantiles,
  WireTensor,
} from './serve/types.js';
export type { ModuleSession } from './session/module.js';
export type {
  ModelTensor,
  Pinning,
  Session,
  SessionDevice,
  SessionSpec,
  StagingMemory,
  TensorView,
} from './session/types.js';
export type { TraceArrivals } from './stress/arrivals/trace.js';
export type { GeneratorResult, LoadTimeline, Percentiles, StreamResult } from './stress/load/types.js';
export type { StressOptions } from './stress/options.js';
export type { StressProgress } from './stress/progress.js';
export { stressTest } from './stress/stress.js';
export type { TracedStream, TraceFile } from './stress/trace-file.js';
export type {
  Capacity as StressCapacity,
  DeviceOutcome,
  JobOutcome,
  Outcome as StressOutcome,
  ScenarioReport,
  ServerKind,
  StreamOutcome,
  StressReport,
} from './stress/types.js';
export type { DType, NumericArray, TypedArray } from './util/dtype.js';
export {
  DataError,
  DeviceError,
  type ErrorDetails,
  InternalError,
  InterruptedError,
  InUseError,
  PenstockError,
  type Place,
  QueueError,
  StorageError,
  StuckError,
  UsageError,
} from './util/errors.js';
