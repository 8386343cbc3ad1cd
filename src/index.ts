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
export type { Shard } from './dataset/shard.js';
export { jobJsonSchema } from './job/json-schema.js';
export { type LoadJobOptions, loadJob, type ParseJobOptions, parseJob } from './job/load.js';
export { createLoader } from './job/loader.js';
export type {
  Batch,
  BatchTensor,
  LoaderOptions,
  LoaderSource,
  RowId,
} from './job/loader-options.js';
export { type RunOptions, runJob } from './job/run-job.js';
export type { Job, JobInput } from './job/schema.js';
export type { GpuMetric, GpuSource, GpuUtilization, Spread } from './measure/gpu/types.js';
export type { DeviceProgress, Progress } from './measure/progress.js';
export type { Bottleneck, DeviceReport, DeviceShares, Report } from './measure/report.js';
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
export { Refusal, type RefusalReason } from './serve/refusal.js';
export type { ServeConfig, ServeConfigInput } from './serve/schema.js';
export { type ServeOptions, type Server, startServer } from './serve/server.js';
export type { OpenServerPage, ServerPage, WatchedServer } from './serve/server-page.js';
export type {
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
export type { ModelTensor, SessionDevice, SessionSpec, TensorView } from './session/types.js';
export type { StressOptions } from './stress/options.js';
export type { StressProgress } from './stress/progress.js';
export { stressTest } from './stress/stress.js';
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
export {
  DataError,
  DeviceError,
  InternalError,
  InterruptedError,
  InUseError,
  PenstockError,
  StorageError,
  StuckError,
  UsageError,
} from './util/errors.js';
