/** The reasons why a supervisor itself ends. */

import { messageOf } from './actor-info.ts';
import type { ChildEnd } from './child-spec.ts';
import type { RestartWindow } from './restart-intensity.ts';

/** A child failed its first start, so its supervisor does not start either. */
export class StartFailed extends Error {
  override readonly name = 'StartFailed';
  readonly code = 'start_failed';
  constructor(id: string, child: string, end: ChildEnd) {
    super(`${id} did not start, because ${child} ${told(end)}`, { cause: causeOf(end) });
  }
}

/** More restarts than allowed; the cause is the last crash. */
export class RestartsExceeded extends Error {
  override readonly name = 'RestartsExceeded';
  readonly code = 'restarts_exceeded';
  constructor(id: string, child: string, window: RestartWindow, end: ChildEnd) {
    const allowed = `expected at most ${window.intensity} restarts in ${window.periodMs} ms`;
    super(`${id}: ${allowed}, found one more, of ${child}, which ${told(end)}`, { cause: causeOf(end) });
  }
}

/** It was stopped before it was up. */
export class StartAbandoned extends Error {
  override readonly name = 'StartAbandoned';
  readonly code = 'start_abandoned';
  constructor(id: string) {
    super(`${id} was stopped before all its children ran`);
  }
}

function told(end: ChildEnd): string {
  return end.type === 'crashed' ? `crashed: ${messageOf(end.error)}` : 'ended';
}

function causeOf(end: ChildEnd): unknown {
  return end.type === 'crashed' ? end.error : undefined;
}
