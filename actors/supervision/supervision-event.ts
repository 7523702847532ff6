/** What supervision reports: one stream of events, for the process log and the metrics. */
import type { StoppedHow } from './incarnation.ts';

export type Happening =
  | { readonly type: 'started' }
  /** It was ended by an error while running, or failed to start. */
  | { readonly type: 'crashed'; readonly error: unknown }
  /** It runs again; `restarts` counts how often it was started again, including attempts that failed. */
  | { readonly type: 'restarted'; readonly restarts: number }
  | {
      readonly type: 'parked';
      readonly error: unknown;
      readonly retryAtMs: number;
      /** How often it was parked since it was last healthy: 1 for the first time. */
      readonly parkings: number;
    }
  /** A supervisor gave up after too many restarts. It stops its children and ends. */
  | { readonly type: 'escalated'; readonly error: unknown }
  | { readonly type: 'stopped'; readonly how: StoppedHow; readonly error?: unknown };

/** `atMs` is milliseconds since the epoch. */
export type SupervisionEvent = Happening & {
  readonly id: string;
  readonly kind: string;
  readonly atMs: number;
};

export type SupervisionListener = (event: SupervisionEvent) => void;

export class SupervisionObservers {
  readonly #listeners = new Set<SupervisionListener>();

  observe(listener: SupervisionListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A listener that throws is dropped: no log line is worth a supervisor that stops half-way. */
  tell(event: SupervisionEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch {
        this.#listeners.delete(listener);
      }
    }
  }
}
