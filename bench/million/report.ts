/** Figures beside the bars they were to reach, as a table. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { machine } from '../machine.ts';

export type Row = {
  readonly what: string;
  readonly found: number;
  readonly unit: string;
  /** Undefined: a figure to know, without a bar. */
  readonly bar?: { readonly atMost: number } | { readonly atLeast: number };
};

export async function report(title: string, rows: readonly Row[], notes: readonly string[]): Promise<void> {
  const { cpu, cores, memoryGiB, kernel, node, commit, loadAverage } = machine();
  const text = [
    `# ${title}`,
    '',
    `\`node bench/million.ts\`, ${new Date().toISOString()}, commit ${commit}, Node ${node}, ${cpu}, ${cores} cores, ${memoryGiB} GiB, kernel ${kernel},`,
    `load average at the end ${loadAverage.toFixed(1)}.`,
    '',
    '| | found | bar | |',
    '|---|---|---|---|',
    ...rows.map(lineOf),
    '',
    ...notes,
    '',
  ].join('\n');
  const directory = join(import.meta.dirname, '../results');
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, 'million.md'), text);
  process.stdout.write(`${text}\n`);
}

function lineOf({ what, found, unit, bar }: Row): string {
  const shown = `${Number(found.toFixed(found < 10 ? 2 : 0))} ${unit}`;
  if (bar === undefined) return `| ${what} | ${shown} | | |`;
  const [text, isReached] =
    'atMost' in bar ? [`≤ ${bar.atMost}`, found <= bar.atMost] : [`≥ ${bar.atLeast}`, found >= bar.atLeast];
  return `| ${what} | ${shown} | ${text} | ${isReached ? 'reached' : '**missed**'} |`;
}
