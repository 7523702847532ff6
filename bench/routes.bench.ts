/** What finding a request's route costs, in nanoseconds of processor time: `node bench/routes.bench.ts`. */
import { RouteMatcher, Split } from '../actors/index.ts';
import type { RouteSettings } from '../eventlog/index.ts';
import { domainSettings } from '../eventlog/settings/settings.ts';
import { compilePattern } from '../src/config/index.ts';
import { KeyedDigest } from '../src/proxy/keyed-digest.ts';
import { cookieOf, pathOf } from '../src/proxy/route/request-part.ts';

const ROUNDS = 500_000;
const FIELDS = [
  ['Host', 'app.example'],
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'],
  ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
  ['Accept-Language', 'en-US,en;q=0.5'],
  ['Accept-Encoding', 'gzip, deflate, br, zstd'],
  ['Cookie', 'session=4f0c1e9a6b7d4e52; theme=dark'],
  ['X-Forwarded-For', '192.0.2.1'],
  ['X-Canary', '1'],
].flat();
const TARGETS = Array.from({ length: 16 }, (_, n) => `/area${n}/things/${n}?page=${n}`);

function measure(name: string, work: (target: string) => unknown): void {
  let kept: unknown;
  for (let i = 0; i < ROUNDS / 5; i++) kept = work(TARGETS[i & 15]!);
  const began = process.cpuUsage();
  for (let i = 0; i < ROUNDS; i++) kept = work(TARGETS[i & 15]!);
  const { user, system } = process.cpuUsage(began);
  const nanoseconds = ((user + system) * 1e3) / ROUNDS;
  if (kept !== undefined) console.log(`${name.padEnd(44)} ${nanoseconds.toFixed(0).padStart(6)} ns`);
}

function say(name: string, microseconds: number): void {
  console.log(`${name.padEnd(44)} ${(microseconds * 1e3).toFixed(0).padStart(6)} ns`);
}

function finder(routes: readonly RouteSettings[]): (target: string) => number {
  const matcher = new RouteMatcher(routes, compilePattern);
  return (target) => matcher.find('GET', pathOf(target), FIELDS);
}

function kept(matches: readonly object[]): readonly RouteSettings[] {
  const routes = matches.map((match) => ({ match, pool: 'api' }));
  return domainSettings.parse({ pool: 'web', routes }).routes;
}

const prefixes = (count: number) => Array.from({ length: count }, (_, n) => ({ pathPrefix: `/area${n}` }));
const found = (matches: readonly object[]) => finder(kept(matches));

for (const count of [1, 10, 100]) measure(`${count} prefixes`, found(prefixes(count)));
// More than a domain may have: what the bound of 100 is there for.
measure(
  '1000 prefixes',
  finder(
    prefixes(1000)
      .toReversed()
      .map((match) => ({ match })),
  ),
);
measure(
  '10 prefixes, each with a header',
  found(prefixes(10).map((match) => ({ ...match, headers: { 'x-canary': '1' } }))),
);
const tenants = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ headers: { [`x-tenant-${n}`]: '1' } }));
for (const count of [1, 10, 32]) measure(`${count} headers that differ`, found(tenants(count)));
const expressions = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ pathRegex: `^/(en|de)/area${n}/` }));
for (const count of [1, 10]) measure(`${count} expressions`, found(expressions(count)));

const split = new Split([
  { pool: 'web', weight: 95 },
  { pool: 'canary', weight: 5 },
] as never);
let draw = 1;
measure('a draw between two pools', () => {
  draw = (draw * 7919) % 2 ** 40;
  return split.poolOf(draw);
});
const digest = new KeyedDigest();
measure('a keyed digest', (target) => digest.of('hash', target));

// 64 KiB, as much as a head may have.
const cookies = { fields: Array.from({ length: 8 }, () => ['Cookie', ';'.repeat(8000)]).flat() } as never;
const cookieBegan = process.cpuUsage();
for (let i = 0; i < 20; i++) cookieOf(cookies, 'home');
say('a cookie in the dearest lines there are', process.cpuUsage(cookieBegan).user / 20);

// The dearest that may be set, asked with the dearest path: each character of it leads to states not met before.
const dearest = found([197, 198, 199, 200].map((n) => ({ pathRegex: `[ab]*a[ab]{${n}}[cd]` })));
const paths = Array.from(
  { length: 12 },
  () => `/${Array.from({ length: 2047 }, () => 'ab'[Math.random() < 0.5 ? 0 : 1]).join('')}`,
);
const began = process.cpuUsage();
for (const path of paths) dearest(path);
const { user } = process.cpuUsage(began);
say('the dearest expressions and paths there are', user / paths.length);
