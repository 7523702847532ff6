/** docs/admin-api.md beside the API: its routes with their query keys, and what it refuses. */
import { describe, expect, it } from 'vitest';
import { EVENT_TYPES } from '../../eventlog/index.ts';
import { SEARCH_KEYS } from '../../src/admin/calls/search.ts';
import { PROBLEMS } from '../../src/admin/http/problem.ts';
import { ROUTES } from '../../src/admin/routes.ts';
import { documentText, inlineCode, rowsUnder } from '../support/documents.ts';

const DOCUMENT = documentText('docs/admin-api.md');

describe('docs/admin-api.md', () => {
  it('has every route, with its query keys, and no other', () => {
    const written = rowsUnder(DOCUMENT, '## Routes').flatMap(([routes = '', query = '']) =>
      routesIn(routes).map((one) => `${one} ${keysIn(query).sort().join()}`),
    );
    const there = ROUTES.map(
      ({ method, pattern, query }) => `${method} ${path(pattern)} ${[...query].sort().join()}`,
    );
    expect([...new Set(written)].sort()).toEqual(there.sort());
  });

  it('has every type of event, and no other', () => {
    const written = rowsUnder(DOCUMENT, '## State and events').flatMap(([types = '']) => inlineCode(types));
    expect(written.sort()).toEqual(EVENT_TYPES.toSorted());
  });

  it('has every word of a refusal, with its status, and no other', () => {
    const written = rowsUnder(DOCUMENT, '## Refusals').flatMap(([status = '', words = '']) =>
      wordsIn(words).map((word) => `${status} ${word}`),
    );
    const there = Object.entries(PROBLEMS).map(([word, [status]]) => `${status} ${word}`);
    expect(written.sort()).toEqual(there.sort());
  });
});

/** `GET`, `PUT /v1/…` is two routes, and so is `GET /healthz` · `GET /readyz`. */
function routesIn(cell: string): string[] {
  let methods: string[] = [];
  return inlineCode(cell).flatMap((code) => {
    const [method = '', where] = code.split(' ');
    methods.push(method);
    if (where === undefined) return [];
    const routes = methods.map((one) => `${one} ${where}`);
    methods = [];
    return routes;
  });
}

function keysIn(cell: string): string[] {
  const searched = cell.includes('those of a search') ? SEARCH_KEYS : [];
  return [...inlineCode(cell).filter((code) => /^[a-z][A-Za-z]*$/.test(code)), ...searched];
}

/** A word of several, or the one that begins its sentence; in brackets stand members of the problem. */
function wordsIn(cell: string): string[] {
  const bare = cell.replaceAll(/\([^)]*\)/g, '').replaceAll(/(?:, with|: | says).*?(?=[;]|$)/g, '');
  return inlineCode(bare).filter((code) => /^[a-z_]+$/.test(code));
}

function path(pattern: readonly string[]): string {
  return `/${pattern.map((part) => (part.startsWith(':') ? `{${part.slice(1)}}` : part)).join('/')}`;
}
