/**
 * Parses one line into the command of one owner: `{"domain": HOST, …}` or `{"pool": NAME, …}`, with the keys of a
 * config file.
 */
import type { Command } from '../../actors/index.ts';
import { type Parsed, parseDomainName, parsePoolName } from '../../eventlog/index.ts';
import {
  type Checked,
  type OwnAddresses,
  type Problem,
  parseDomainWish,
  parsePoolWish,
} from '../config/index.ts';
import { readJson } from '../config/read-json.ts';

// The form of nearly all lines in a large file. It has no duplicate key and no escapes, so it needs no further check.
const PLAIN = /^\{"domain": ?"([^"\\]+)", ?"pool": ?"([^"\\]+)"\}\r?$/;

export function parseLine(text: string, own: OwnAddresses): Checked<Command> {
  const plain = PLAIN.exec(text);
  const command = plain === null ? undefined : plainDomain(plain[1]!, plain[2]!);
  return command === undefined ? parseAny(text, own) : { ok: true, value: command };
}

/** Undefined: something is wrong with the line, and the full parser reports it better. */
function plainDomain(host: string, pool: string): Command | undefined {
  const name = parseDomainName(host);
  const named = parsePoolName(pool);
  if (!name.ok || !named.ok) return undefined;
  return { type: 'PutDomain', host: name.value, settings: { pool: named.value } };
}

function parseAny(text: string, own: OwnAddresses): Checked<Command> {
  const read = readJson(text);
  if (!read.ok) return read;
  const raw = read.value;
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    return unfit('', OBJECT, 'something else');
  if (Object.hasOwn(raw, 'domain')) return domainOf(raw as Fields);
  if (Object.hasOwn(raw, 'pool')) return poolOf(raw as Fields, own);
  return unfit('', OBJECT, 'neither key');
}

type Fields = Readonly<Record<string, unknown>>;

const OBJECT = '{"domain": HOST, …} or {"pool": NAME, …}';

function domainOf({ domain, ...rest }: Fields): Checked<Command> {
  const host = named('domain', domain, parseDomainName);
  if (!host.ok) return host;
  const wish = parseDomainWish(rest);
  if (!wish.ok) return wish;
  return { ok: true, value: { type: 'PutDomain', host: host.value, settings: wish.value } };
}

function poolOf({ pool, ...rest }: Fields, own: OwnAddresses): Checked<Command> {
  const name = named('pool', pool, parsePoolName);
  if (!name.ok) return name;
  const wish = parsePoolWish(rest, own);
  if (!wish.ok) return wish;
  const { settings, backends } = wish.value;
  const all = backends === undefined ? {} : { backends: Object.fromEntries(backends) };
  return { ok: true, value: { type: 'PutPool', pool: name.value, settings, ...all } };
}

function named<Name>(key: string, text: unknown, parse: (text: string) => Parsed<Name>): Checked<Name> {
  if (typeof text !== 'string')
    return unfit(key, 'a name', text === null ? 'null' : `a value of type ${typeof text}`);
  const name = parse(text);
  if (name.ok) return name;
  const cut = name.problem.lastIndexOf(', found ');
  return unfit(key, name.problem.slice('expected '.length, cut), name.problem.slice(cut + ', found '.length));
}

function unfit(
  path: string,
  expected: string,
  found: string,
): { readonly ok: false; readonly problems: readonly Problem[] } {
  return { ok: false, problems: [{ path, expected, found }] };
}
