/**
 * What a child that does not escalate does after a crash: it is restarted at once while its window allows, and
 * parked when that is spent. Pure.
 *
 *   healthy ── crash within the window ──▶ restarted at once
 *      ▲   ╲── crash, window spent ──▶ parked ── back-off over ──▶ on trial ── crash ──▶ parked, longer
 *      ╰──────────────── a period without a crash ───────────────────╯
 */
import { parkingDelayMs } from './backoff.ts';
import { countRestart, type RestartWindow } from './restart-intensity.ts';

export type Spell = {
  /** Restarts that still count against the window. */
  readonly restarts: readonly number[];
  /** How often it was parked since it was last healthy. */
  readonly parkings: number;
};

export const HEALTHY: Spell = { restarts: [], parkings: 0 };

export type AfterCrash =
  | { readonly type: 'restart'; readonly spell: Spell }
  | { readonly type: 'park'; readonly spell: Spell; readonly delayMs: number };

export type Crash = {
  readonly now: number;
  /** How long it had been running; 0 when it failed to start. */
  readonly ranForMs: number;
};

export function afterCrash(
  before: Spell,
  crash: Crash,
  window: RestartWindow,
  random: () => number,
): AfterCrash {
  const spell = before.parkings > 0 && crash.ranForMs >= window.periodMs ? HEALTHY : before;
  if (spell.parkings > 0) return park(spell, random);
  const counted = countRestart(spell.restarts, window, crash.now);
  const next = { restarts: counted.restarts, parkings: 0 };
  return counted.verdict === 'restart' ? { type: 'restart', spell: next } : park(next, random);
}

function park(spell: Spell, random: () => number): AfterCrash {
  const parkings = spell.parkings + 1;
  // Once parked, only time heals: the window need not be remembered.
  return {
    type: 'park',
    spell: { restarts: [], parkings },
    delayMs: parkingDelayMs(parkings, random),
  };
}
