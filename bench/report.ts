/** What was measured as a table for people, as Markdown for a commit, and as JSON with every single figure. */
import type { Figures } from './changes.ts';
import type { Load } from './load.ts';
import type { Machine } from './machine.ts';
import { type IdleTurn, ratios, type Turn } from './measure.ts';
import type { CaseResult } from './run-case.ts';
import { median, showSpread, spread } from './statistics.ts';

export type Report = {
  readonly date: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly skipped: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly cases: readonly CaseResult[];
};

type Row = readonly string[];

const YARDSTICKS = ['nginx', 'nginx-forwarded', 'node-undici'];
const BEFORE = 'switchyard-before';

/** Whom others are compared with in a case, as far as they took part. */
export function yardsticksOf({
  case: of,
  turns,
}: CaseResult & { turns: readonly Turn[] }): readonly string[] {
  return [...(of.yardsticks ?? YARDSTICKS), BEFORE].filter((name) => turns.some(({ peer }) => peer === name));
}

export function caseTable(result: CaseResult): readonly Row[] {
  switch (result.case.measure) {
    case 'requests':
    case 'echo':
      return turnTable(result as CaseResult & { turns: readonly Turn[] });
    case 'idle':
      return idleTable((result as { turns: readonly IdleTurn[] }).turns);
    case 'changes':
    case 'history':
      return changesTable((result as { figures: readonly [string, Figures][] }).figures);
  }
}

function turnTable(result: CaseResult & { turns: readonly Turn[] }): readonly Row[] {
  const { turns } = result;
  const yardsticks = yardsticksOf(result);
  const head = [
    'peer',
    result.case.measure === 'echo' ? 'CPU µs a message' : 'CPU µs a request',
    ...yardsticks.map((name) => `× ${name}`),
    'requests/s',
    'p50 ms',
    'p99 ms',
    'core',
    'errors',
  ];
  return [head, ...peersIn(turns).map((peer) => turnRow(turns, peer, yardsticks))];
}

function idleTable(turns: readonly IdleTurn[]): readonly Row[] {
  const rows = peersIn(turns).map((peer) => [peer, showSpread(spread(bytesOf(turns, peer)), 0)]);
  return [['peer', 'bytes a connection'], ...rows];
}

function changesTable(figures: readonly [string, Figures][]): readonly Row[] {
  const names = Object.keys(figures[0]?.[1] ?? {});
  const rows = names.map((name) => [
    name,
    ...figures.map(([, found]) => (found[name] ?? Number.NaN).toFixed(2)),
  ]);
  return [['figure', ...figures.map(([peer]) => peer)], ...rows];
}

function peersIn(turns: readonly { readonly peer: string }[]): readonly string[] {
  return [...new Set(turns.map(({ peer }) => peer))];
}

function turnRow(turns: readonly Turn[], peer: string, yardsticks: readonly string[]): Row {
  const own = turns.filter((turn) => turn.peer === peer);
  const ms = (figure: (load: Load) => number) =>
    (median(own.map(({ load }) => figure(load))) / 1000).toFixed(2);
  return [
    peer,
    showSpread(spread(own.map(({ cpuUsPerRequest }) => cpuUsPerRequest)), 1),
    ...yardsticks.map((name) => ratioCell(turns, peer, name)),
    median(own.map(({ load }) => load.perSecond)).toFixed(0),
    ms(({ p50Us }) => p50Us),
    ms(({ p99Us }) => p99Us),
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

export function markdown(report: Report, plotFile: string): string {
  const { machine, versions } = report;
  const told = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const parts = [
    `# Bench of ${report.date}`,
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.kernel}, Node ${machine.node}, commit ${machine.commit}, load average at the start ${machine.loadAverage.toFixed(2)}. ${told.join(', ')}.`,
    `${report.rounds} rounds, ${report.seconds} s each, peers in turn within a round. Figures: median (min–max); ratios are of the same round.`,
    `![CPU of a request beside nginx](${plotFile})`,
    ...report.skipped.map((word) => `Skipped: ${word}`),
    ...report.cases.flatMap((result) => [`## ${result.case.title}`, markdownTable(caseTable(result))]),
  ];
  return `${parts.join('\n\n')}\n`;
}

function markdownTable(rows: readonly Row[]): string {
  const [head = [], ...rest] = rows;
  const ruler = head.map((_, column) => (column === 0 ? '---' : '---:'));
  return [head, ruler, ...rest].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
