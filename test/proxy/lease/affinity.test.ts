import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { keyOf } from '../../../actors/index.ts';
import { completeBackend, completePool } from '../../../eventlog/index.ts';
import { KeyedDigest } from '../../../src/proxy/keyed-digest.ts';
import { Affinity } from '../../../src/proxy/lease/affinity.ts';
import { Choice } from '../../../src/proxy/route/choice.ts';
import type { BackendRoute, PoolRoute } from '../../../src/proxy/routing-table.ts';
import { clientLines } from '../../../src/wire/index.ts';
import { request } from '../../wire/read.ts';

it('keeps nothing of backends that came and went in a pool that stays', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const affinity = new Affinity(new KeyedDigest());
  const backends = new Map<number, BackendRoute>();
  const settings = completePool({ affinity: { cookie: 'home' } });
  const pool: PoolRoute = { name: 'web', key: keyOf('web'), settings, backends };
  const visit = (number: number): void => {
    const id = `web.${number}`;
    const address = { host: '127.0.0.1', port: 1 };
    const backend = { id, key: keyOf(id), address, settings: completeBackend({ address: '127.0.0.1:1' }) };
    backends.set(backend.key, backend);
    affinity.served(guest(), pool, backend);
    backends.delete(backend.key);
  };
  visit(0);
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let number = 1; number <= 50_000; number++) visit(number);
  collect();
  // 85 bytes a tag were 4 MB.
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(1_000_000);
  visit(0);
});

it('a home that was away when it was looked for, and serves the request after all, is a home', () => {
  const affinity = new Affinity(new KeyedDigest());
  const settings = completePool({ affinity: { cookie: 'home' } });
  const id = 'web.1';
  const address = { host: '127.0.0.1', port: 1 };
  const backend = { id, key: keyOf(id), address, settings: completeBackend({ address: '127.0.0.1:1' }) };
  const full: PoolRoute = {
    name: 'web',
    key: keyOf('web'),
    settings,
    backends: new Map([[backend.key, backend]]),
  };
  const first = guest();
  affinity.served(first, full, backend);
  const [cookie = ''] = first.choice.setCookie.split(';');
  expect(cookie).toMatch(/^home=./);

  const returning = guest(`Cookie: ${cookie}\r\n`);
  expect(affinity.look(returning, { ...full, backends: new Map() }, 'home').home).toBe(0);
  affinity.served(returning, full, backend);
  expect(returning.choice).toMatchObject({ affinity: 'home', setCookie: '' });

  const stranger = guest('Cookie: home=another\r\n');
  affinity.look(stranger, full, 'home');
  affinity.served(stranger, full, backend);
  expect(stranger.choice).toMatchObject({ affinity: 'unknown', setCookie: first.choice.setCookie });
});

function guest(fields = '') {
  const address = '192.0.2.1';
  const lines = clientLines({ isSecure: false, port: 80 }, address);
  const hop = { address, port: 80, isSecure: false, isTrusted: false, pseudonym: 'switchyard', lines };
  const head = request(`GET / HTTP/1.1\r\nHost: app.test\r\n${fields}\r\n`);
  return { choice: new Choice(), head, client: { hop }, startedAtMs: 0 };
}
