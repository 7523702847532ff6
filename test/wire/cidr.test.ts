import { expect, it } from 'vitest';
import { parseNetworks } from '../../src/wire/cidr.ts';

// The IPv4 peer of a dual-stack socket comes as `::ffff:…`.
const V4 = ['10.1.2.3', '::ffff:10.1.2.3'];
const V6 = ['fd00::1', '::1'];

function included(entry: string): string[] {
  const networks = parseNetworks([entry]);
  if (!networks.ok) throw new Error(networks.problem);
  return [...V4, ...V6].filter((address) => networks.value.includes(address));
}

it.each([
  ['::/0', V6],
  ['0.0.0.0/0', V4],
  ['::/64', ['::1']],
  ['::ffff:0:0/90', []],
  ['::ffff:0:0/96', V4],
  ['::ffff:10.0.0.0/104', V4],
  ['::ffff:0a00:0/104', V4],
  ['::ffff:11.0.0.0/104', []],
  ['::ffff:10.1.2.3', V4],
  ['10.1.2.3', V4],
  ['10.1.2.4', []],
  ['10.0.0.0/8', V4],
  ['::10.0.0.0/104', []],
  ['fd00::/8', ['fd00::1']],
  ['0:0::1', ['::1']],
])('a network includes addresses of its own family only: %s', (entry, found) => {
  expect(included(entry)).toEqual(found);
});

it.each(['', '10.0.0.0/33', '::/129', '10.0.0/8', '10.0.0.0/', '10.0.0.0/+8', 'fe80::1%eth0', 'example.com'])(
  'refuses what is no network: %j',
  (entry) => {
    expect(parseNetworks(['::1', entry])).toEqual({
      ok: false,
      problem: `expected a network such as 10.0.0.0/8, found ${JSON.stringify(entry)}`,
    });
  },
);
