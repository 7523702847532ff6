/** Figures beside the bars they were to reach, as a table; and how those of a part are kept until all are there. */
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { machine } from '../machine.ts';
import { percentile } from '../statistics.ts';

export type Row = {
  readonly what: string;
  readonly found: number;
  readonly unit: string;
  /** Undefined: a figure to know, without a bar. */
  readonly bar?: { readonly atMost: number } | { readonly atLeast: number };
};

/** By the name of the part; `of` is when and at which commit it was measured. */
export type Found = Readonly<Record<string, { readonly rows: readonly Row[]; readonly of: string }>>;

/** `atMost`: the bar of its p99, if it has one. */
export function latency(what: string, ms: readonly number[], atMost?: number): Row[] {
  const bar = atMost === undefined ? {} : { bar: { atMost } };
  return [
    { what: `${what}, p50`, found: percentile(ms, 50), unit: 'ms' },
    { what: `${what}, p99`, found: percentile(ms, 99), unit: 'ms', ...bar },
  ];
}

/** What was found in this directory before, and this now. */
export async function kept(directory: string, part: string, rows: readonly Row[]): Promise<Found> {
  const { commit } = machine();
  const of = `${new Date().toISOString()}, commit ${commit}`;
  const found: Found = { ...before(directory), [part]: { rows, of } };
  await writeFile(join(directory, 'found.json'), JSON.stringify(found));
  return found;
}

export function render(
  title: string,
  found: Found,
  parts: readonly string[],
  notes: readonly string[],
): string {
  const { cpu, cores, memoryGiB, kernel, node, loadAverage } = machine();
  const here = parts.filter((part) => found[part] !== undefined);
  return [
    `# ${title}`,
    '',
    `\`node bench/million.ts\`, Node ${node}, ${cpu}, ${cores} cores, ${memoryGiB} GiB, kernel ${kernel}, load average at the end ${loadAverage.toFixed(1)}.`,
    '',
    ...here.map((part) => `- ${part}: ${found[part]?.of}`),
    '',
    '| | found | bar | |',
    '|---|---|---|---|',
    ...here.flatMap((part) => found[part]?.rows.map(lineOf) ?? []),
    '',
    ...notes,
    '',
  ].join('\n');
}

function before(directory: string): Found {
  const file = join(directory, 'found.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Found) : {};
}

function lineOf({ what, found, unit, bar }: Row): string {
  const shown = `${Number(found.toFixed(found < 10 ? 2 : 0))} ${unit}`;
  if (bar === undefined) return `| ${what} | ${shown} | | |`;
  const [text, isReached] =
    'atMost' in bar ? [`≤ ${bar.atMost}`, found <= bar.atMost] : [`≥ ${bar.atLeast}`, found >= bar.atLeast];
  return `| ${what} | ${shown} | ${text} | ${isReached ? 'reached' : '**missed**'} |`;
}
