/** What was measured as a table for people, as Markdown for a commit, and as JSON with every single figure. */
import type { Case } from './cases.ts';
import type { Machine } from './machine.ts';
import { type IdleTurn, ratios, type Turn } from './measure.ts';
import { median, showSpread, spread } from './statistics.ts';

export type CaseResult =
  | { readonly case: Case & { measure: 'requests' }; readonly turns: readonly Turn[] }
  | { readonly case: Case & { measure: 'idle' }; readonly turns: readonly IdleTurn[] };

export type Report = {
  readonly date: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly skipped: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly yardsticks: readonly string[];
  readonly cases: readonly CaseResult[];
};

type Row = readonly string[];

export function caseTable(result: CaseResult, yardsticks: readonly string[]): readonly Row[] {
  const peers = [...new Set(result.turns.map(({ peer }) => peer))];
  const present = yardsticks.filter((name) => peers.includes(name));
  if (result.case.measure === 'idle') {
    const turns = result.turns as readonly IdleTurn[];
    const head = ['peer', 'bytes a connection'];
    return [head, ...peers.map((peer) => [peer, showSpread(spread(bytesOf(turns, peer)), 0)])];
  }
  const turns = result.turns as readonly Turn[];
  const head = [
    'peer',
    'CPU µs a request',
    ...present.map((name) => `× ${name}`),
    'requests/s',
    'p99 ms',
    'core',
    'errors',
  ];
  return [head, ...peers.map((peer) => requestRow(turns, peer, present))];
}

function requestRow(turns: readonly Turn[], peer: string, yardsticks: readonly string[]): Row {
  const own = turns.filter((turn) => turn.peer === peer);
  return [
    peer,
    showSpread(spread(own.map(({ cpuUsPerRequest }) => cpuUsPerRequest)), 1),
    ...yardsticks.map((name) => ratioCell(turns, peer, name)),
    median(own.map(({ load }) => load.perSecond)).toFixed(0),
    (median(own.map(({ load }) => load.p99Us)) / 1000).toFixed(1),
    `${(100 * median(own.map(({ busy }) => busy))).toFixed(0)} %`,
    String(own.reduce((sum, { load }) => sum + load.errors, 0)),
  ];
}

function ratioCell(turns: readonly Turn[], peer: string, yardstick: string): string {
  if (peer === yardstick) return '1';
  const found = ratios(turns, ({ cpuUsPerRequest }) => cpuUsPerRequest, peer, yardstick);
  return found === undefined ? '–' : showSpread(found, 2);
}

function bytesOf(turns: readonly IdleTurn[], peer: string): number[] {
  return turns.filter((turn) => turn.peer === peer).map(({ bytesPerConnection }) => bytesPerConnection);
}

export function screenTable(rows: readonly Row[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: Row) => row.map((cell, column) => padded(cell, column, widths[column] ?? 0)).join('  ');
  return rows.map(line).join('\n');
}

function padded(cell: string, column: number, width: number): string {
  return column === 0 ? cell.padEnd(width) : cell.padStart(width);
}

export function markdown(report: Report): string {
  const { machine, versions } = report;
  const told = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const parts = [
    `# Bench of ${report.date}`,
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${machine.node}, commit ${machine.commit}, load average at the start ${machine.loadAverage.toFixed(2)}. ${told.join(', ')}.`,
    `${report.rounds} rounds, ${report.seconds} s each, peers in turn within a round. Figures: median (min–max); ratios are of the same round.`,
    ...report.skipped.map((word) => `Skipped: ${word}`),
    ...report.cases.flatMap((result) => [
      `## ${result.case.title}`,
      markdownTable(caseTable(result, report.yardsticks)),
    ]),
  ];
  return `${parts.join('\n\n')}\n`;
}

function markdownTable(rows: readonly Row[]): string {
  const [head = [], ...rest] = rows;
  const ruler = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [head, ruler, ...rest].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
