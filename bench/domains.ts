/** Many domains for a router: a pool for each ten of them, in its config or, where they are too many, imported. */
import { spawnSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { COMMAND } from '../test/support/router-process.ts';

const DOMAINS_PER_POOL = 10;
// 10 000: as many as startup.ts has always had in one file.
const MOST_IN_CONFIG = 10_000;

/** Whether so many can be had. */
export function mayHave(domains: number): boolean {
  return domains <= MOST_IN_CONFIG || spawnSync(COMMAND, ['import', '--help']).status === 0;
}

/** Those that are asked for, evenly spread over all there are: each in a pool of its own. */
export function hostsOf(domains: number, asked: number): readonly string[] {
  return Array.from({ length: asked }, (_, place) => hostAt(Math.floor((place * domains) / asked)));
}

export type Routing = { readonly pools: object; readonly domains: object };

/** What a config file can say of them; the rest is imported. */
export function configOf(domains: number, backendPort: number): Routing {
  const pools: Record<string, object> = {};
  const byName: Record<string, object> = {};
  for (let domain = 0; domain < domains && domains <= MOST_IN_CONFIG; domain++) {
    const pool = poolAt(domain, domains);
    pools[pool] = poolOf(backendPort);
    byName[hostAt(domain)] = { pool };
  }
  return { pools, domains: byName };
}

export async function importDomains(
  directory: string,
  admin: string,
  domains: number,
  backendPort: number,
): Promise<void> {
  if (domains <= MOST_IN_CONFIG) return;
  const file = join(directory, 'domains.ndjson');
  await pipeline(Readable.from(lines(domains, backendPort)), createWriteStream(file));
  const { status, stderr } = spawnSync(COMMAND, ['import', file, '--admin', admin], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`expected the import to succeed, found ${status}: ${stderr}`);
}

function* lines(domains: number, backendPort: number): Generator<string> {
  for (let domain = 0; domain < domains; domain++) {
    const pool = poolAt(domain, domains);
    if (domain % DOMAINS_PER_POOL === 0) yield `${JSON.stringify({ pool, ...poolOf(backendPort) })}\n`;
    yield `${JSON.stringify({ domain: hostAt(domain), pool })}\n`;
  }
}

/** Few domains have a pool each, so that those asked for have as many pools however many there are beside them. */
function poolAt(domain: number, domains: number): string {
  return `pool-${domains <= DOMAINS_PER_POOL ? domain : Math.floor(domain / DOMAINS_PER_POOL)}`;
}

function poolOf(backendPort: number): object {
  return { backends: { one: { address: `127.0.0.1:${backendPort}` } } };
}

function hostAt(domain: number): string {
  return `d${domain}.bench.example`;
}
