/**
 * What happens to a child that does not escalate after a crash: it is restarted at once while its window allows, and parked
 * when the window is spent; parked without further ado if the fault is not its own. Pure.
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

export type Parked = { readonly type: 'park'; readonly spell: Spell; readonly delayMs: number };
export type AfterCrash = { readonly type: 'restart'; readonly spell: Spell } | Parked;

export type Crash = {
  readonly now: number;
  /** How long it had been running; 0: it failed to start. */
  readonly ranForMs: number;
};

export function afterCrash(
  before: Spell,
  crash: Crash,
  window: RestartWindow,
  random: () => number,
): AfterCrash {
  const spell = healed(before, crash.ranForMs, window.periodMs);
  if (spell.parkings > 0) return park(spell, random);
  const counted = countRestart(spell.restarts, window, crash.now);
  const next = { restarts: counted.restarts, parkings: 0 };
  return counted.verdict === 'restart' ? { type: 'restart', spell: next } : park(next, random);
}

/** It failed for a reason that time may repair, so a restart at once would fail as well. */
export function afterPassingFailure(
  before: Spell,
  ranForMs: number,
  periodMs: number,
  random: () => number,
): Parked {
  return park(healed(before, ranForMs, periodMs), random);
}

function healed(spell: Spell, ranForMs: number, periodMs: number): Spell {
  return spell.parkings > 0 && ranForMs >= periodMs ? HEALTHY : spell;
}

function park(spell: Spell, random: () => number): Parked {
  const parkings = spell.parkings + 1;
  // Once parked, only time heals: the window need not be remembered.
  return {
    type: 'park',
    spell: { restarts: [], parkings },
    delayMs: parkingDelayMs(parkings, random),
  };
}
