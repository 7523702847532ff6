/** The report on routing quality: what the simulator finds, beside what others published. */
import { rapGenius } from './rap-genius.ts';
import { twoChoicesLimit } from './reference.ts';
import { antagonistsTable } from './report/antagonists-table.ts';
import { exponentialTable } from './report/exponential-table.ts';
import { courseTable, faultyTable } from './report/faulty-tables.ts';
import { PAGE } from './report/page.ts';
import { backendsNeeded, rapGeniusTable } from './report/rap-genius-tables.ts';
import { type Policy, SEED } from './report/run.ts';
import { slowBackendTable } from './report/slow-backend-table.ts';
import type { Scenario } from './scenario.ts';
import { type Outcome, simulate } from './simulation.ts';

// An hour of Rap Genius's traffic.
const HOUR = 540_000;

/** The files by name. `share`: of the requests of a full run. */
export async function report(
  share: number,
  progress: (done: string) => void,
): Promise<ReadonlyMap<string, string>> {
  let cpuNs = 0;
  let runs = 0;
  const run = async (scenario: Scenario): Promise<Outcome> => {
    const outcome = await simulate(scenario);
    cpuNs += outcome.cpuNs * scenario.requests;
    runs += scenario.requests;
    return outcome;
  };
  const hour = Math.round(HOUR * share);
  const genius = (backends: number, how: Policy & Partial<Scenario>) =>
    run(rapGenius(backends, hour, { seed: SEED, ...how }));

  const disciplines = await rapGeniusTable(genius);
  progress('Rap Genius');
  const { table: fleets, chart: backendsChart } = await backendsNeeded(genius);
  progress('backends needed');
  const exponentials = await exponentialTable(share, run);
  progress('exponential');
  const { table: slow, chart: slowChart } = await slowBackendTable(run);
  progress('one slow backend');
  const faulty = await faultyTable(run);
  const courses = await courseTable(run);
  const machines = await antagonistsTable(run);
  progress(`faulty fleets; ${Math.round(cpuNs / runs)} ns of processor a request`);
  const page = filled(PAGE, {
    disciplines,
    fleets,
    exponentials,
    limit: twoChoicesLimit(0.9).toFixed(3),
    slow,
    faulty,
    courses,
    machines,
    bar1: `${cellOf(disciplines, 'queue at the pool', 3)}; four: ${cellOf(disciplines, 'four workers', 3)}`,
    bar2: `${cellOf(disciplines, 'queue at the pool', 4)} times; ${cellOf(disciplines, 'four workers', 4)} times`,
    bar3: `${cellOf(fleets, '| 60 |', 2)} (waited · mean ms)`,
    bar4: cellOf(slow, 'peak-ewma', 3),
  });
  return new Map([
    ['routing-quality.md', page],
    ['routing-quality-backends.svg', backendsChart],
    ['routing-quality-slow-backend.svg', slowChart],
  ]);
}

/** A cell, from 1, of the first row that has this text. */
function cellOf(rows: string, text: string, cell: number): string {
  const row = rows.split('\n').find((line) => line.includes(text)) ?? '';
  return row.split('|')[cell]?.trim() ?? '';
}

function filled(page: string, texts: Readonly<Record<string, string>>): string {
  return page.replace(/\{([a-z]+[0-9]?)\}/g, (whole, name: string) => texts[name] ?? whole);
}
