/** What can be listed, shown, set and removed: domains, pools, and backends of a pool. */
import {
  type Parsed,
  parseBackendId,
  parseDomainName,
  parsePoolName,
  quoted,
} from '../../../eventlog/index.ts';
import { backendSettings, domainSettings, poolSettings } from '../../../eventlog/settings/settings.ts';
import { type JsonSchema, jsonSchemaOf } from '../../config/index.ts';
import { UsageError } from '../failure.ts';

export type Noun = 'domain' | 'pool' | 'backend';

export type Kind = {
  readonly noun: Noun;
  /** The placeholders of its names in a usage text. */
  readonly positionals: readonly string[];
  /** The settings that `set` accepts. */
  readonly schema: JsonSchema;
  /** Parses the names, in the order of `positionals`, into path segments. */
  readonly path: (names: readonly string[]) => readonly string[];
};

export const KINDS: Readonly<Record<Noun, Kind>> = {
  domain: {
    noun: 'domain',
    positionals: ['HOST'],
    schema: jsonSchemaOf(domainSettings),
    path: ([host]) => ['v1', 'domains', name(parseDomainName, host)],
  },
  pool: {
    noun: 'pool',
    positionals: ['POOL'],
    schema: jsonSchemaOf(poolSettings),
    path: ([pool]) => ['v1', 'pools', name(parsePoolName, pool)],
  },
  backend: {
    noun: 'backend',
    positionals: ['POOL', 'ID'],
    schema: jsonSchemaOf(backendSettings),
    path: ([pool, id]) => ['v1', 'pools', name(parsePoolName, pool), 'backends', name(parseBackendId, id)],
  },
};

export type Thing = { readonly kind: Kind; readonly path: readonly string[]; readonly label: string };

/** The thing named by a verb's first words. */
export function thingOf(kind: Kind, words: readonly string[]): Thing {
  const names = words.slice(0, kind.positionals.length);
  return { kind, path: kind.path(names), label: `${kind.noun} ${names.join('/')}` };
}

/** The form of `POOL/ID`. */
export function parseBackend(text: string): Parsed<string> {
  const [pool = '', id, ...rest] = text.split('/');
  if (id === undefined || rest.length > 0)
    return { ok: false, problem: `expected POOL/ID such as web/web.1, found ${quoted(text)}` };
  const owner = parsePoolName(pool);
  return owner.ok ? parseBackendId(id) : owner;
}

function name(parse: (text: string) => Parsed<string>, text = ''): string {
  const parsed = parse(text);
  if (parsed.ok) return parsed.value;
  throw new UsageError(parsed.problem);
}
