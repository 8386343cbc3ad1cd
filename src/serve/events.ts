import type { Report } from '../measure/report.js';

/** What happens in an engine that whoever runs it may want to log. */
export type EngineEvent =
  | { readonly kind: 'warning'; readonly of: string; readonly message: string }
  /** A model is loaded, at the start or after it had failed. */
  | { readonly kind: 'ready'; readonly model: string }
  /** Its requests are refused until it is loaded again. */
  | { readonly kind: 'failed'; readonly model: string; readonly error: Error; readonly retryInMs: number }
  | { readonly kind: 'job'; readonly job: string; readonly outcome: Report | Error };

export type OnEvent = (event: EngineEvent) => void;
