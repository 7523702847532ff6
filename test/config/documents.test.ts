/** The config files in the documents, as `serve` would read them. */
import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/index.ts';
import { readText } from '../../src/config/load.ts';
import { DOCUMENTS, documentText } from '../support/documents.ts';

const FILES = DOCUMENTS.flatMap(
  (path) =>
    [...documentText(path).matchAll(/^```yaml[^\n]*\n(.*?)^```/gms)].map(([, text = '']) => ({ path, text })),
  // A part of a file names pools that are elsewhere.
).filter(({ text }) => /^pools:/m.test(text));

it.each(FILES)('a file in $path is valid', ({ text }) => {
  const read = readText(text, '.yaml');
  expect(read.ok && parseConfig(read.value, {}, [])).toMatchObject({ ok: true });
});

it('there are some', () => {
  expect(FILES.length).toBeGreaterThan(5);
});
