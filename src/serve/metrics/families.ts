import { REFUSALS } from '../refusal.js';
import type { DeviceStats, EndpointStats, EngineStats, JobStats, Quantiles } from '../types.js';

/*
 * What is told of a server, in one table: Prometheus and OpenTelemetry read the same figures under the names that are
 * usual there. Nothing is counted here: everything is read from the engine's own counts when somebody asks.
 */

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

interface Names {
  /** Of Prometheus, with its base unit, and `_total` where it counts. */
  readonly name: string;
  /** Of OpenTelemetry. */
  readonly otel: string;
  /** Of OpenTelemetry (UCUM). */
  readonly unit: string;
  readonly help: string;
}

/** Counts, and states of this moment. */
export interface Family extends Names {
  readonly type: 'counter' | 'gauge';
  samples(stats: EngineStats): readonly Sample[];
}

/** Histograms of the times of requests that were answered. */
export interface HistogramFamily extends Names {
  readonly type: 'histogram';
  /** Microseconds. */
  quantiles(endpoint: EndpointStats): Quantiles;
}

/** Bounds of the buckets of times, seconds: those that are usual for services, and finer ones below. */
export const SECONDS_BOUNDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
] as const;

/** Outcomes of a request: it was answered, or why not. */
const OUTCOMES = ['succeeded', ...REFUSALS] as const;

const JOB_STATES: readonly JobStats['state'][] = ['waiting', 'running', 'completed', 'failed', 'stopped'];

export function endpointLabels({ name, model }: EndpointStats): Labels {
  return { endpoint: name, model };
}

/** One sample an endpoint. */
const byEndpoint =
  (value: (endpoint: EndpointStats) => number) =>
  ({ endpoints }: EngineStats): readonly Sample[] =>
    endpoints.map((endpoint) => ({ labels: endpointLabels(endpoint), value: value(endpoint) }));

/** One sample a device, of microseconds as seconds. */
const bySecondsOfDevice =
  (micros: (device: DeviceStats) => number) =>
  ({ devices }: EngineStats): readonly Sample[] =>
    devices.map((device) => ({ labels: { device: device.id }, value: micros(device) / 1e6 }));

const byJob =
  (value: (job: JobStats) => number) =>
  ({ jobs }: EngineStats): readonly Sample[] =>
    jobs.map((job) => ({ labels: { job_name: job.name }, value: value(job) }));

export const FAMILIES: readonly Family[] = [
  {
    name: 'penstock_requests_total',
    otel: 'penstock.requests',
    unit: '{request}',
    type: 'counter',
    help: 'Requests by outcome: succeeded, or the reason of the refusal.',
    samples: ({ endpoints }) =>
      endpoints.flatMap((endpoint) =>
        OUTCOMES.map((outcome) => ({
          labels: { ...endpointLabels(endpoint), outcome },
          value: outcome === 'succeeded' ? endpoint.succeeded : (endpoint.refused[outcome] ?? 0),
        })),
      ),
  },
  {
    name: 'penstock_rows_total',
    otel: 'penstock.rows',
    unit: '{row}',
    type: 'counter',
    help: 'Rows of requests that ran.',
    samples: byEndpoint(({ rows }) => rows),
  },
  {
    name: 'penstock_batches_total',
    otel: 'penstock.batches',
    unit: '{batch}',
    type: 'counter',
    help: 'Batches with rows of requests that ran.',
    samples: byEndpoint(({ batches }) => batches),
  },
  {
    name: 'penstock_batch_capacity_rows_total',
    otel: 'penstock.batch.capacity',
    unit: '{row}',
    type: 'counter',
    help: 'Room for rows in the batches that ran: penstock_rows_total divided by it is how full they were.',
    samples: byEndpoint(({ capacity }) => capacity),
  },
  {
    name: 'penstock_queue_rows',
    otel: 'penstock.queue.rows',
    unit: '{row}',
    type: 'gauge',
    help: 'Rows of requests that wait for a device.',
    samples: byEndpoint(({ queuedRows }) => queuedRows),
  },
  {
    name: 'penstock_queue_bytes',
    otel: 'penstock.queue.size',
    unit: 'By',
    type: 'gauge',
    help: 'Bytes of the tensors of requests that wait for a device.',
    samples: byEndpoint(({ queuedBytes }) => queuedBytes),
  },
  {
    name: 'penstock_device_busy_seconds_total',
    otel: 'penstock.device.busy',
    unit: 's',
    type: 'counter',
    help: 'Time in which at least one batch ran on the device.',
    samples: bySecondsOfDevice(({ busy }) => busy),
  },
  {
    name: 'penstock_device_starved_seconds_total',
    otel: 'penstock.device.starved',
    unit: 's',
    type: 'counter',
    help: 'Time in which the device waited for rows, by cause: fetch (storage), prep (decode, transform, collate), batching (rows waited for company).',
    samples: ({ devices }) =>
      devices.flatMap(({ id, starved }) =>
        (['fetch', 'prep', 'batching'] as const).map((cause) => ({
          labels: { device: id, cause },
          value: starved[cause] / 1e6,
        })),
      ),
  },
  {
    name: 'penstock_device_blocked_seconds_total',
    otel: 'penstock.device.blocked',
    unit: 's',
    type: 'counter',
    help: 'Time in which the device waited since outputs held every slot.',
    samples: bySecondsOfDevice(({ blocked }) => blocked),
  },
  {
    name: 'penstock_device_idle_seconds_total',
    otel: 'penstock.device.idle',
    unit: 's',
    type: 'counter',
    help: 'Time in which nothing was asked of the device.',
    samples: bySecondsOfDevice(({ idle }) => idle),
  },
  {
    name: 'penstock_device_info',
    otel: 'penstock.device.info',
    unit: '1',
    type: 'gauge',
    help: 'What runs the models of the device; always 1.',
    samples: ({ devices }) =>
      devices.map(({ id, runtime, provider, simulated }) => ({
        labels: { device: id, runtime, provider, simulated: String(simulated) },
        value: 1,
      })),
  },
  {
    name: 'penstock_device_instances',
    otel: 'penstock.device.instances',
    unit: '{session}',
    type: 'gauge',
    help: 'Sessions that run side by side on the device.',
    samples: ({ devices }) =>
      devices.map(({ id, instances }) => ({ labels: { device: id }, value: instances })),
  },
  {
    name: 'penstock_job_rows_total',
    otel: 'penstock.job.rows',
    unit: '{row}',
    type: 'counter',
    help: 'Rows of a batch job beside the endpoints that have been through its model.',
    samples: byJob(({ rows }) => rows),
  },
  {
    name: 'penstock_job_splits',
    otel: 'penstock.job.splits',
    unit: '{split}',
    type: 'gauge',
    help: 'Splits of the data of a batch job.',
    samples: byJob(({ splits }) => splits),
  },
  {
    name: 'penstock_job_splits_done',
    otel: 'penstock.job.splits.done',
    unit: '{split}',
    type: 'gauge',
    help: 'Splits of a batch job whose outputs are written.',
    samples: byJob(({ splitsDone }) => splitsDone),
  },
  {
    name: 'penstock_job_state',
    otel: 'penstock.job.state',
    unit: '1',
    type: 'gauge',
    help: 'State of a batch job: 1 for the one that it is in, 0 for the others.',
    samples: ({ jobs }) =>
      jobs.flatMap((job) =>
        JOB_STATES.map((state) => ({
          labels: { job_name: job.name, state },
          value: job.state === state ? 1 : 0,
        })),
      ),
  },
];

export const HISTOGRAMS: readonly HistogramFamily[] = [
  {
    name: 'penstock_request_duration_seconds',
    otel: 'penstock.request.duration',
    unit: 's',
    type: 'histogram',
    help: 'Time of requests that were answered, from arrival to answer.',
    quantiles: ({ totalMicros }) => totalMicros,
  },
  {
    name: 'penstock_request_queue_seconds',
    otel: 'penstock.request.queue',
    unit: 's',
    type: 'histogram',
    help: 'Of it, from arrival to the start of the run.',
    quantiles: ({ queueMicros }) => queueMicros,
  },
  {
    name: 'penstock_request_compute_seconds',
    otel: 'penstock.request.compute',
    unit: 's',
    type: 'histogram',
    help: 'Of it, from the start of the run to the end of the last.',
    quantiles: ({ computeMicros }) => computeMicros,
  },
];
