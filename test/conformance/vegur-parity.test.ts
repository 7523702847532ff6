/** Every case of vegur-parity.md is told once: as a test, as a difference with a reason, or as the library's. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const CASES = Array.from({ length: 191 }, (_, i) => i + 1);
const DOC = readFileSync(new URL('../../docs/http-behaviour.md', import.meta.url), 'utf8');

const sourcesIn = (folder: URL, start: string): string =>
  readdirSync(folder)
    .filter((name) => name.startsWith(start))
    .map((name) => readFileSync(new URL(name, folder), 'utf8'))
    .join('\n');

const sources = sourcesIn(new URL('.', import.meta.url), 'vegur-parity-');
const ofTheLibrary = sourcesIn(new URL('../library/', import.meta.url), '');

const numbersOf = (text: string, pattern: RegExp): Set<number> =>
  new Set([...text.matchAll(pattern)].map(([, number]) => Number(number)));

const section = (title: string): string => DOC.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
const rowsOf = (title: string): Set<number> => numbersOf(section(title), /^\| (\d+) \|/gm);

describe('the cases of vegur-parity.md', () => {
  const tested = numbersOf(sources, /'case (\d+) /g);
  const unlike = numbersOf(sources + ofTheLibrary, /'unlike case (\d+) /g);
  // Its tests say their cases in brackets at the end of the title, or in the first column of a table.
  const titles = [...ofTheLibrary.matchAll(/^ *it\('.* \(([\d, ]+)\)'/gm)].flatMap(([, list = '']) =>
    list.split(', '),
  );
  const rows = [...ofTheLibrary.matchAll(/^ {2}\['(\d+)', /gm)].map(([, number]) => number);
  const testedInLibrary = new Set([...titles, ...rows].map(Number));
  const different = rowsOf('Cases we answer differently');
  const library = rowsOf('Cases of the library');

  it('are each in one place: a test, a difference, or the library', () => {
    const places = CASES.map((number) => {
      const count = [tested, different, library].filter((place) => place.has(number)).length;
      return [number, count] as const;
    });
    expect(places.filter(([, count]) => count !== 1)).toEqual([]);
  });

  it('that are answered differently each have a test of what is done instead', () => {
    expect([...unlike].sort((a, b) => a - b)).toEqual([...different].sort((a, b) => a - b));
  });

  it('that are the library’s each have a test there', () => {
    expect([...library].filter((number) => !testedInLibrary.has(number))).toEqual([]);
  });

  it('have no numbers beyond the list', () => {
    for (const number of [...tested, ...different, ...library]) expect(CASES).toContain(number);
  });
});
