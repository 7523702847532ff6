import { describe, expect, it } from 'vitest';
import { completePool, type SparsePool } from '../../eventlog/index.ts';
import { KeyedDigest } from '../../src/proxy/keyed-digest.ts';
import { hashKeyOf } from '../../src/proxy/lease/hash-key.ts';
import type { RequestHead } from '../../src/wire/index.ts';
import { backendThat, get, routerOver } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';

const DIGEST = new KeyedDigest();
const PEER = { address: '192.0.2.1', isTrusted: false };

function keyOn(hashOn: unknown, target: string, fields: readonly string[] = [], client = PEER): number {
  const settings = completePool({ policy: 'consistent-hash', hashOn } as SparsePool);
  return hashKeyOf(settings, { target, fields } as unknown as RequestHead, client, DIGEST);
}

describe('what a request is kept together by', () => {
  it('is nothing where the policy does not ask', () => {
    const head = { target: '/', fields: [] } as unknown as RequestHead;
    expect(hashKeyOf(completePool({}), head, PEER, DIGEST)).toBe(0);
  });

  it('is told by no one who lacks the secret: another directory has other numbers for the same', () => {
    const settings = completePool({ policy: 'consistent-hash', hashOn: 'path' });
    const head = { target: '/a', fields: [] } as unknown as RequestHead;
    const [one, other] = ['1', '2'].map((secret) => hashKeyOf(settings, head, PEER, new KeyedDigest(secret)));
    expect(one).not.toBe(other);
    expect(hashKeyOf(settings, head, PEER, new KeyedDigest('1'))).toBe(one);
    expect(one).not.toBe(new KeyedDigest('1').of('split', '/a'));
  });

  it('is its path without the query', () => {
    expect(keyOn('path', '/a?x=1')).toBe(keyOn('path', '/a?y=2'));
    expect(keyOn('path', 'http://app.test/a?x')).toBe(keyOn('path', '/a'));
    expect(keyOn('path', 'http://app.test')).toBe(keyOn('path', '/'));
    expect(keyOn('path', '/a')).not.toBe(keyOn('path', '/b'));
    expect(keyOn('path', '*')).not.toBe(keyOn('path', '/'));
  });

  it('is a field, whatever the case of its name and however many lines it has', () => {
    const one = keyOn({ header: 'X-User' }, '/', ['x-user', 'a, b']);
    expect(keyOn({ header: 'x-user' }, '/', ['X-User', 'a', 'Other', 'c', 'X-USER', 'b'])).toBe(one);
    expect(keyOn({ header: 'x-user' }, '/', ['Other', 'c'])).toBe(0);
  });

  it('is one cookie among others, the first of its name', () => {
    const one = keyOn({ cookie: 'sid' }, '/', ['Cookie', 'sid=abc']);
    expect(keyOn({ cookie: 'sid' }, '/', ['Cookie', 'xsid=1; sid=abc; sid=2'])).toBe(one);
    expect(keyOn({ cookie: 'sid' }, '/', ['Cookie', 'a=1', 'Cookie', 'sid=abc'])).toBe(one);
    expect(keyOn({ cookie: 'sid' }, '/', ['Cookie', 'SID=abc; side=1; nothing'])).toBe(0);
  });

  it('is the address of the client, of which only a peer we trust may speak', () => {
    const forwarded = ['X-Forwarded-For', '203.0.113.9, 198.51.100.7'];
    const behind = { address: '198.51.100.7', isTrusted: false };
    expect(keyOn('address', '/', forwarded)).toBe(keyOn('address', '/'));
    expect(keyOn('address', '/', forwarded, { ...PEER, isTrusted: true })).toBe(
      keyOn('address', '/', [], behind),
    );
    expect(keyOn('address', '/', [], { ...PEER, isTrusted: true })).toBe(keyOn('address', '/'));
  });
});

describe('consistent-hash', () => {
  it.each<[string, unknown, (user: number) => string]>([
    ['header', { header: 'x-user' }, (user) => get('/', `X-User: ${user}`)],
    ['cookie', { cookie: 'user' }, (user) => get('/', `Cookie: theme=dark; user=${user}`)],
    ['path', 'path', (user) => get(`/users/${user}?at=${Math.random()}`)],
    ['address', 'address', (user) => get('/', `X-Forwarded-For: ${Math.random()}, 198.51.100.${user}`)],
  ])(
    'sends the same %s to the same backend, and others to others, over real sockets',
    async (_what, hashOn, asked) => {
      const names = ['a', 'b', 'c', 'd'];
      const backends = await Promise.all(names.map((name) => backendThat(() => ok(name))));
      const router = await routerOver({
        backends: Object.fromEntries(names.map((name, i) => [name, { port: backends[i]!.port }])),
        pool: { policy: 'consistent-hash', hashOn: hashOn as never },
        listener: { trustForwarded: ['127.0.0.0/8'] },
      });
      const client = await router.connect();
      const homes = new Map<number, string>();
      for (let i = 0; i < 200; i++) {
        const { body } = await client.request(asked(i % 100));
        expect(body).toBe(homes.get(i % 100) ?? body);
        homes.set(i % 100, body);
      }
      // That one of four has none of a hundred has a chance of 10^-12; each router has a secret of its own.
      expect(new Set(homes.values()).size).toBe(4);
    },
  );
});

describe('peak-ewma', () => {
  it('leaves a slow backend and one that fails at once to themselves', async () => {
    let nowMs = 1_000_000_000_000;
    const slow = await backendThat(() => {
      nowMs += 250;
      return ok('slow');
    });
    const broken = await backendThat(() => 'HTTP/1.1 500 No\r\nContent-Length: 6\r\n\r\nbroken');
    const quick = await backendThat(() => {
      nowMs += 5;
      return ok('quick');
    });
    const router = await routerOver({
      backends: { slow: { port: slow.port }, broken: { port: broken.port }, quick: { port: quick.port } },
      pool: { policy: 'peak-ewma' },
      now: () => nowMs,
    });
    const client = await router.connect();
    const counts: Record<string, number> = { slow: 0, broken: 0, quick: 0 };
    for (let i = 0; i < 60; i++) counts[(await client.request(get('/'))).body]! += 1;
    expect(counts['quick']).toBeGreaterThan(50);
    expect(counts['slow']).toBeLessThan(5);
    expect(counts['broken']).toBeLessThan(5);
    expect(router.isQuiet).toBe(true);
  });
});
