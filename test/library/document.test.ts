/** docs/library.md beside the library: its programs run, and its tables have what there is, and no more. */
import { describe, expect, it } from 'vitest';
import { createSwitchyard, type RoutedSwitchyard } from '../../src/index.ts';
import { CALLBACKS, OF_DECISIONS, OF_ROUTING } from '../../src/library/create-switchyard.ts';
import { ProgramDesk } from '../../src/library/program-desk.ts';
import { refusedBy } from '../../src/library/refusals.ts';
import { documentText, inlineCode, rowsUnder } from '../support/documents.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const DOCUMENT = documentText('docs/library.md');
const PROGRAMS = [...DOCUMENT.matchAll(/^```js\n(.*?)^```/gms)].map(([, code = '']) => code);

const AsyncFunction = (async () => {}).constructor as new (
  ...words: string[]
) => (create: typeof createSwitchyard) => Promise<RoutedSwitchyard>;

describe('docs/library.md', () => {
  it('has programs that run as they are, but for their port and directory', async () => {
    await using directory = await tempDirectory();
    const programs = PROGRAMS.filter((code) => code.includes('const router'));
    expect(programs).toHaveLength(2);
    for (const program of programs) {
      const here = program.replace('0.0.0.0:8080', '127.0.0.1:0').replace('./routes', directory.path);
      const run = new AsyncFunction('createSwitchyard', `${here}\nreturn router;`);
      await (await run(createSwitchyard)).close();
    }
  });

  it('tells of every callback, and of no other', () => {
    const signatures = rowsUnder(DOCUMENT, '## Your decisions').flatMap(([cell = '']) => inlineCode(cell));
    const callbacks = signatures.map((signature) => signature.split('(')[0]);
    expect(callbacks.sort()).toEqual(Object.keys(CALLBACKS).sort());
  });

  it('tells of every option, and of no other', () => {
    const written = rowsUnder(DOCUMENT, '### Options').flatMap(([names = '']) => inlineCode(names));
    expect([...new Set(written)].sort()).toEqual(OF_DECISIONS.toSorted());
    const routing = DOCUMENT.split('\n## The real router\n')[1] ?? '';
    for (const key of OF_ROUTING.filter((one) => !OF_DECISIONS.includes(one)))
      expect(routing).toMatch(new RegExp(`\`${key}\\b`));
  });

  it('has for vegur’s options names that there are', () => {
    const named = rowsUnder(DOCUMENT, '### The names of its options here').flatMap(([, here = '']) =>
      inlineCode(here),
    );
    expect(named.length).toBeGreaterThan(15);
    const there = inlineCode(documentText('docs/settings.md')).concat(OF_DECISIONS);
    expect(named.filter((name) => !there.includes(name))).toEqual([]);
  });

  it('tells of everything that the desk does, and of nothing else', () => {
    const signatures = rowsUnder(DOCUMENT, '### The desk').flatMap(([cell = '']) => inlineCode(cell));
    const written = signatures.map((signature) => signature.split('(')[0]);
    const there = Object.getOwnPropertyNames(ProgramDesk.prototype).filter((name) => name !== 'constructor');
    expect(written.sort()).toEqual(there.sort());
  });

  it('gives each word of a refusal its status and code', () => {
    const rows = rowsUnder(DOCUMENT, '### Refusals').filter(([words = '']) => words.includes('`'));
    const seen = rows.flatMap(([words = '', status, code = '']) => {
      const codes = code.split(' · ');
      return inlineCode(words).map((word, at) => [word, Number(status), codes[at] ?? codes[0]]);
    });
    expect(seen.length).toBeGreaterThan(15);
    const there = seen.map(([word]) => {
      const { row } = refusedBy({ refuse: String(word) });
      return [word, row?.status, row?.code];
    });
    expect(seen).toEqual(there);
  });
});
