/** Where the documents point: to files that there are, and to headings in them. */
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, it } from 'vitest';
import { DOCUMENTS, documentText, inlineCode } from './support/documents.ts';

const ROOT = join(import.meta.dirname, '..');
const ALL = [...DOCUMENTS, 'CONTRIBUTING.md', 'bench/README.md'];
const ROOMS = /^(?:actors|bench|docs|eventlog|examples|property-tests|src|test)\/[\w./-]+\.\w+$/;

it.each(ALL)('%s leads to what is there', (path) => {
  const text = documentText(path);
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  const inside = links.filter((link) => !/^https?:/.test(link));
  expect(inside.filter((link) => !isThere(path, link))).toEqual([]);
  const named = inlineCode(text).filter((code) => ROOMS.test(code));
  expect(named.filter((one) => !existsSync(join(ROOT, one)))).toEqual([]);
});

function isThere(from: string, link: string): boolean {
  const [file = '', heading] = link.split('#');
  const path = file === '' ? from : normalize(join(dirname(from), file));
  if (!existsSync(join(ROOT, path))) return false;
  return heading === undefined || headingsIn(documentText(path)).includes(heading);
}

/** As they are addressed: in lower case, blanks as dashes, without signs. */
function headingsIn(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}
