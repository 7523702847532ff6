/** Deliberate failures, as a bug would cause them: at once, or when a named point is next reached. */

export const CRASH_POINTS = [
  'before-append',
  'after-append',
  'before-publish',
  'in-ledger',
  'in-activation',
  // Only for workers, and at once: the thread hangs, and does not die by itself.
  'stall',
] as const;

export type CrashPoint = (typeof CRASH_POINTS)[number];

/** The points that an actor passes. Without `--chaos`, calls do nothing. */
export interface Chaos {
  /** Throws `Sabotage` if somebody armed this point for this actor; a point fires once. */
  reach(actor: string, point: CrashPoint): void;
}

export const noChaos: Chaos = { reach() {} };

export class Sabotage extends Error {
  override readonly name = 'Sabotage';
  readonly point: CrashPoint | 'at once';

  constructor(actor: string, point: CrashPoint | 'at once') {
    super(`${actor} was made to fail (${point})`);
    this.point = point;
  }
}

export class ArmedChaos implements Chaos {
  readonly #armed = new Map<string, Set<CrashPoint>>();

  arm(actor: string, point: CrashPoint): void {
    const points = this.#armed.get(actor) ?? new Set();
    points.add(point);
    this.#armed.set(actor, points);
  }

  reach(actor: string, point: CrashPoint): void {
    const points = this.#armed.get(actor);
    if (points === undefined || !points.delete(point)) return;
    if (points.size === 0) this.#armed.delete(actor);
    throw new Sabotage(actor, point);
  }
}
