/** What a dynamic supervisor says about one of its children. */
import type { Running } from './child-spec.ts';
import type { DynamicChild } from './dynamic-child.ts';

export type Status<R extends Running> =
  | { readonly type: 'running'; readonly running: R }
  | { readonly type: 'starting' }
  /** Between a crash and running again. */
  | { readonly type: 'restarting'; readonly error: unknown }
  | { readonly type: 'parked'; readonly error: unknown; readonly retryAtMs: number }
  | { readonly type: 'absent' };

/** The states in which there is nothing to wait for. */
export type Settled<R extends Running> = Extract<
  Status<R>,
  { readonly type: 'running' | 'parked' | 'absent' }
>;

export function statusOf<R extends Running>(child: DynamicChild | undefined): Status<R> {
  if (child === undefined) return ABSENT;
  const { ailment, life, state } = child;
  switch (state) {
    case 'running':
      return { type: 'running', running: life?.running as R };
    case 'starting':
      return { type: 'starting' };
    case 'restarting':
      return { type: 'restarting', error: ailment?.error };
    case 'parked':
      return { type: 'parked', error: ailment?.error, retryAtMs: ailment?.retryAtMs ?? 0 };
    case 'stopping':
      // If it was asked for again meanwhile, it will start as soon as it is gone.
      return child.interest?.wanted ? { type: 'starting' } : ABSENT;
    case 'stopped':
      return ABSENT;
  }
}

const ABSENT = { type: 'absent' } as const;
