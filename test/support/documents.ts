/** The project's documents, and what stands in them: the code between backticks, and the rows of their tables. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

export function documentText(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Paths from the root: the README and the pages of docs/. */
export const DOCUMENTS: readonly string[] = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

export function inlineCode(text: string): string[] {
  const prose = text.replaceAll(/^```.*?^```/gms, '');
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code.replaceAll('\\|', '|'));
}

/** The cells of each row behind the heading, up to the next; titles and rules of tables are none. */
export function rowsUnder(text: string, heading: string): string[][] {
  const lines = text.split('\n');
  const from = lines.indexOf(heading) + 1;
  const to = lines.findIndex((line, at) => at >= from && line.startsWith('#'));
  return lines
    .slice(from, to === -1 ? undefined : to)
    .filter((line, at, all) => line.startsWith('|') && !/^\|-/.test(line) && !/^\|-/.test(all[at + 1] ?? ''))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    );
}
