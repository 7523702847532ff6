/** The record beside the simulation, for people to read. */
import { z } from 'zod';
import { type Cell, clean, renderTable } from './table.ts';

const summary = z.looseObject({
  mean: z.number(),
  p50: z.number(),
  p95: z.number(),
  p99: z.number(),
  max: z.number(),
});

const side = z.looseObject({
  requests: z.number(),
  endings: z.record(z.string(), z.number()),
  refusals: z.record(z.string(), z.number()),
  waited: z.number(),
  waitMs: summary,
  timeMs: summary,
  retries: z.number(),
  backends: z.array(
    z.looseObject({
      backend: z.string(),
      leases: z.number(),
      failed: z.number(),
      inFlight: z.number(),
      peakInFlight: z.number(),
    }),
  ),
});
type Side = z.output<typeof side>;

const poolWhatIf = z.looseObject({
  pool: z.string(),
  from: z.string(),
  to: z.string(),
  recorded: side,
  simulated: side,
  differsFrom: z.string().nullable(),
  assumed: z.number(),
  skipped: z.number(),
});

export const whatIfAnswer = z.looseObject({
  pools: z.array(poolWhatIf),
  assumptions: z.array(z.string()),
  gaps: z.array(z.looseObject({ from: z.string(), to: z.string(), cause: z.string() })),
  damaged: z.array(z.string()).default([]),
});
type WhatIfAnswer = z.output<typeof whatIfAnswer>;

export function renderWhatIf({ pools, assumptions, gaps, damaged }: WhatIfAnswer): string[] {
  return [
    ...pools.flatMap((pool) => [...poolLines(pool), '']),
    ...gaps.map(({ from, to, cause }) => `the journal has a gap from ${from} to ${to} (${cause})`),
    ...damaged.map((file) => `damaged in the journal: ${file}`),
    'assumptions:',
    ...assumptions.map((each) => `- ${each}`),
  ].map(clean);
}

function poolLines({
  pool,
  from,
  to,
  recorded,
  simulated,
  ...more
}: WhatIfAnswer['pools'][number]): string[] {
  const { differsFrom, assumed, skipped } = more;
  const leases = simulated.backends.reduce((sum, each) => sum + each.leases, 0);
  const share = leases === 0 ? 0 : Math.round((100 * assumed) / leases);
  const rows = figures(recorded, simulated).filter(([, before, after]) => before !== 0 || after !== 0);
  return [
    `pool ${pool}  ${from} to ${to}`,
    differsFrom === null
      ? 'nothing would have been different'
      : `different from ${differsFrom} on; ${assumed} of ${leases} leases (${share} %) have an assumed time`,
    ...(skipped === 0 ? [] : [`${skipped} operations are left out: the journal lacks what led to them`]),
    '',
    ...renderTable(['', 'recorded', 'simulated'], rows),
    '',
    ...renderTable(
      ['backend', 'leases', '', 'failed', '', 'in flight', '', 'peak', ''],
      loads(recorded, simulated),
    ),
  ];
}

function figures(recorded: Side, simulated: Side): Cell[][] {
  const ending = (name: string) => [recorded.endings[name] ?? 0, simulated.endings[name] ?? 0];
  const refusals = [...new Set([...Object.keys(recorded.refusals), ...Object.keys(simulated.refusals)])];
  const time = (of: (each: Side) => number) => [short(of(recorded)), short(of(simulated))];
  return [
    ['requests', recorded.requests, simulated.requests],
    ['served', ...ending('served')],
    ['failed at a backend', ...ending('failed')],
    ...refusals.map((name) => [
      `refused: ${name.replaceAll('_', ' ')}`,
      recorded.refusals[name] ?? 0,
      simulated.refusals[name] ?? 0,
    ]),
    ['waited in vain', ...ending('gave_up')],
    ['client left', ...ending('client_gone')],
    ['unfinished', ...ending('unfinished')],
    ['retries', recorded.retries, simulated.retries],
    ['waited for a backend', recorded.waited, simulated.waited],
    ['wait of all, mean ms', ...time(({ waitMs }) => waitMs.mean)],
    ['wait of all, p95 ms', ...time(({ waitMs }) => waitMs.p95)],
    ['wait of all, p99 ms', ...time(({ waitMs }) => waitMs.p99)],
    ['longest wait, ms', ...time(({ waitMs }) => waitMs.max)],
    ['served in, p50 ms', ...time(({ timeMs }) => timeMs.p50)],
    ['served in, p95 ms', ...time(({ timeMs }) => timeMs.p95)],
    ['served in, p99 ms', ...time(({ timeMs }) => timeMs.p99)],
  ];
}

function loads(recorded: Side, simulated: Side): Cell[][] {
  const names = [...new Set([...recorded.backends, ...simulated.backends].map(({ backend }) => backend))];
  return names.toSorted().map((name) => {
    const [before, after] = [recorded, simulated].map(({ backends }) =>
      backends.find(({ backend }) => backend === name),
    );
    return [
      name,
      before?.leases,
      after?.leases ?? 0,
      before?.failed,
      after?.failed ?? 0,
      before === undefined ? undefined : short(before.inFlight),
      short(after?.inFlight ?? 0),
      before?.peakInFlight,
      after?.peakInFlight ?? 0,
    ];
  });
}

function short(value: number): number {
  return Math.round(value * 100) / 100;
}
