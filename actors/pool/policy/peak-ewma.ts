/**
 * Picks the backend that is quickest for what it has to do: the least square of recent latency × (in flight + 1) ÷ weight.
 * Latency is squared because latency itself would keep sending requests to a backend that is twelve times as slow, while
 * the others have sixteen in flight each.
 *
 * Latency is an average that forgets with time, but a longer latency counts in full at once ("peak"): bad news travels
 * fast, good news has to be confirmed. Failures count against a backend, since one that fails fast would look best: its
 * cost is multiplied according to how often it failed recently.
 */
import { type Field, type Learn, NONE, type Row } from './policy.ts';

// 10 s, as in Finagle: after so long without a response, what was learnt counts a little more than a third.
const MEMORY_MS = 10_000;
// What was learnt of a silent backend is forgotten more slowly while it is busy, since it may be stuck; but it is forgotten:
// perhaps it only holds long-lived requests.
const BUSY_FORGETS_SLOWER = 10;
// Each sample counts 1/50: one failure makes a backend cost three times as much, three in a row seven times.
const SAMPLES = 50;
const FAILING_COSTS = 100;
// 1 s: an unknown backend is assumed to be slow for as long as it is busy with its first requests.
const UNKNOWN_MS = 1000;
// 1 ms: below it all are equally quick, and the requests in flight decide.
const LEAST_MS = 1;

// The rows that tie in the current pick: kept here so that a pick makes no garbage.
let tied = new Int32Array(256);

export function peakEwma(field: Field): Row {
  const { rows } = field;
  if (rows > tied.length) tied = new Int32Array(2 * rows);
  let ties = 0;
  let least = 0;
  let tiedWeight = 0;
  for (let row = 0; row < rows; row++) {
    if (!field.isOpen(row)) continue;
    const load = loadOf(field, row);
    if (ties > 0 && load > least) continue;
    if (ties === 0 || load < least) {
      least = load;
      ties = 0;
      tiedWeight = 0;
    }
    tied[ties] = row;
    ties += 1;
    tiedWeight += field.weight(row);
  }
  if (ties < 2) return ties === 0 ? NONE : tied[0]!;
  let left = field.below(tiedWeight);
  let i = 0;
  while (left >= field.weight(tied[i]!)) {
    left -= field.weight(tied[i]!);
    i += 1;
  }
  return tied[i]!;
}

export const learnLatency: Learn = (field, row, latencyMs, hasFailed) => {
  const known = field.latencyMs(row);
  const kept = keptAfter(field.nowMs - field.learntAtMs(row));
  const failing = field.failing(row) * kept;
  const failed = failing + ((hasFailed ? 1 : 0) - failing) / SAMPLES;
  field.learn(row, hasFailed ? whenFailed(known, latencyMs) : whenAnswered(known, latencyMs, kept), failed);
};

function whenAnswered(known: number, latencyMs: number, kept: number): number {
  return latencyMs >= known ? latencyMs : known * kept + latencyMs * (1 - kept);
}

/** A quick failure says nothing about how quickly the backend would have answered; a slow one does. */
function whenFailed(known: number, latencyMs: number): number {
  return Math.max(latencyMs, known < 0 ? UNKNOWN_MS : known);
}

/** What is compared: the least wins. */
export function loadOf(field: Field, row: Row): number {
  const known = field.latencyMs(row);
  const inFlight = field.inFlight(row);
  // An unknown backend is tried at once, with one request.
  if (known < 0) return inFlight === 0 ? 0 : (UNKNOWN_MS * UNKNOWN_MS * (inFlight + 1)) / field.weight(row);
  const sinceMs = field.nowMs - field.learntAtMs(row);
  const kept = keptAfter(inFlight === 0 ? sinceMs : sinceMs / BUSY_FORGETS_SLOWER);
  const latency = known * kept + LEAST_MS;
  return (
    (latency * latency * (1 + FAILING_COSTS * kept * field.failing(row)) * (inFlight + 1)) / field.weight(row)
  );
}

/**
 * The share of what was learnt that still counts after this time: e^-t, by the first terms of the series of its reciprocal,
 * since a replay must compute the same bits on every machine. It is 2 % too high after one MEMORY_MS, stays above 0 and
 * always falls. A clock that was set back forgets as much as one that went forward.
 */
function keptAfter(sinceMs: number): number {
  const t = Math.abs(sinceMs) / MEMORY_MS;
  return 1 / (1 + t * (1 + t * (1 / 2 + t / 6)));
}
