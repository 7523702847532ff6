/** What `bisect` asks of a state. */
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../src/cli/failure.ts';
import { holds, type Look, parsePredicate } from '../../../src/cli/words/predicate.ts';

const POOLS: Readonly<Record<string, object>> = {
  web: { backends: { 'web.1': { state: 'draining' }, 'web.2': {} } },
  api: { backends: { 'api.1': { state: 'starting' } } },
  bare: {},
};
const DOMAINS: Readonly<Record<string, object>> = {
  'shop.example': { pool: 'web' },
  '*.example': { pool: 'api' },
  '*.shop.example': { pool: 'bare' },
  '*': { pool: 'gone' },
  'own.shop.example': {},
};
const look = (async (kind: string, name: string) => (kind === 'pool' ? POOLS : DOMAINS)[name]) as Look;

const asked = async (exists?: string, host?: string, routedTo?: string) => {
  const predicate = parsePredicate(exists, host, routedTo);
  return predicate && holds(predicate, look);
};

describe('whether there is', () => {
  it.each([
    ['domain:shop.example', true],
    ['domain:SHOP.example.', true],
    ['domain:other.example', false],
    ['pool:web', true],
    ['pool:none', false],
    ['backend:web/web.1', true],
    ['backend:web/web.9', false],
    ['backend:bare/web.1', false],
    ['backend:none/web.1', false],
  ])('%s: %s', async (exists, is) => {
    expect(await asked(exists)).toBe(is);
  });
});

describe('whether a host has a backend that is up', () => {
  it.each([
    ['shop.example', undefined, true],
    ['shop.example', 'web', true],
    ['shop.example', 'web/web.2', true],
    // It drains.
    ['shop.example', 'web/web.1', false],
    ['shop.example', 'web/web.9', false],
    ['shop.example', 'api', false],
    ['shop.example', 'api/web.2', false],
    // By the longest wildcard, whose pool has none; by a shorter one, whose only one is starting; by `*`, whose pool has gone.
    ['a.shop.example', undefined, false],
    ['a.shop.example', 'bare', false],
    ['b.example', undefined, false],
    ['nobody.test', undefined, false],
    ['own.shop.example', undefined, false],
  ])('%s, in %s: %s', async (host, routedTo, is) => {
    expect(await asked(undefined, host, routedTo)).toBe(is);
  });

  it('goes by the wildcard that is nearest', async () => {
    const names: string[] = [];
    const noted = (async (kind: string, name: string) => {
      if (kind === 'domain') names.push(name);
      return undefined;
    }) as Look;
    expect(await holds({ type: 'routed', host: 'a.b.example', to: undefined }, noted)).toBe(false);
    expect(names).toEqual(['a.b.example', '*.b.example', '*.example', '*']);
  });
});

describe('a question', () => {
  it('is none where nothing was asked', async () => {
    expect(await asked()).toBeUndefined();
  });

  it.each([
    ['domain:a', 'b', undefined, 'expected --exists or --host, found both'],
    [undefined, undefined, 'web', '--routed-to: expected --host with it, found none'],
    [
      'web',
      undefined,
      undefined,
      '--exists: expected domain:HOST, pool:NAME or backend:POOL/ID, found "web"',
    ],
    ['backend:web', undefined, undefined, 'found "backend:web"'],
    ['backend:web/', undefined, undefined, 'found "backend:web/"'],
    ['backend:/web.1', undefined, undefined, 'found "backend:/web.1"'],
    ['backend:web/web.1/x', undefined, undefined, 'found "backend:web/web.1/x"'],
    ['pool:a/b', undefined, undefined, '--exists: expected a pool name'],
    [undefined, 'a b', undefined, '--host: expected a host name'],
  ])('asked wrongly is told: %s, %s, %s', (exists, host, routedTo, message) => {
    const parse = () => parsePredicate(exists, host, routedTo);
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(message);
  });
});
