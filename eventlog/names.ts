/** Names that come from outside: branded once parsed, so that a host can never stand where a pool is meant. */
import { domainToASCII } from 'node:url';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** A host name in lower case without port or final dot, an IPv6 literal, a wildcard `*.rest`, or `*` for everything else. */
export type DomainName = Branded<'DomainName'>;
export type PoolName = Branded<'PoolName'>;
/** Unique within its pool, such as `web.1`. */
export type BackendId = Branded<'BackendId'>;
/** One owner's history: `domain-example.com` or `pool-web`. */
export type StreamName = Branded<'StreamName'>;

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

// RFC 1035 §2.3.4: 253 octets of text for a whole name, 63 for a label. Underscores occur in real host names.
const LABELS = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const HOST_BYTES = 253;
const IPV6 = /^\[[0-9a-f:.]{2,45}\]$/;

// 100: room for `app-name.process-type.region`, and short enough for a metric label and a file name.
const IDENTIFIER = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,99})$/;

/** Accepts a host in any case, with an optional final dot; refuses a port, a path, and whatever RFC 1035 refuses. */
export function parseDomainName(text: string): Parsed<DomainName> {
  const host = text.toLowerCase();
  const name = host.length > 1 && host.endsWith('.') ? host.slice(0, -1) : host;
  if (IPV6.test(name)) return ipv6Literal(name);
  if (isDomainName(name)) return { ok: true, value: name };
  const ascii = asciiOf(name);
  const expected =
    ascii === undefined
      ? `a host name of at most ${HOST_BYTES} characters, *.host or *`
      : `the host name as DNS and requests write it, ${ascii}`;
  return { ok: false, problem: `expected ${expected}, found ${quoted(text)}` };
}

/** RFC 5952 §4, an IPv4-mapped address in hex: the one form under which requests look it up too. */
function ipv6Literal(literal: string): Parsed<DomainName> {
  const name = URL.parse(`http://${literal}`)?.hostname;
  if (name !== undefined) return { ok: true, value: name as DomainName };
  return { ok: false, problem: `expected an IPv6 address in brackets, found ${quoted(literal)}` };
}

// Letters of any script and whatever else a label may have, but nothing at which a URL would cut off the host.
const WORDED = /^[\p{L}\p{M}\p{N}._-]+$/u;

/** RFC 5891 §4: the A-labels of a name in other scripts; undefined: there are none, or the name is in ASCII already. */
function asciiOf(name: string): DomainName | undefined {
  const wildcard = name.startsWith('*.') ? '*.' : '';
  const host = name.slice(wildcard.length);
  if (host.length > HOST_BYTES || /^[\x00-\x7f]*$/.test(host) || !WORDED.test(host)) return undefined;
  const ascii = wildcard + domainToASCII(host);
  return isDomainName(ascii) ? ascii : undefined;
}

export function parsePoolName(text: string): Parsed<PoolName> {
  return identifier<PoolName>('a pool name', text);
}

export function parseBackendId(text: string): Parsed<BackendId> {
  return identifier<BackendId>('a backend id', text);
}

export function domainStream(host: DomainName): StreamName {
  return `domain-${host}` as StreamName;
}

export function poolStream(pool: PoolName): StreamName {
  return `pool-${pool}` as StreamName;
}

/** Whether the stream is a domain's or a pool's: a newer switchyard may have streams of other kinds. */
export function isOwned(stream: string): boolean {
  return stream.startsWith('domain-') || stream.startsWith('pool-');
}

/** Only for a stream that `isOwned`. */
export function kindOf(stream: string): 'domain' | 'pool' {
  return stream.startsWith('domain-') ? 'domain' : 'pool';
}

/** The name of the domain or pool to which the stream belongs. */
export function ownerNameOf(stream: string): string {
  return stream.slice(kindOf(stream).length + 1);
}

export type Owner =
  | { readonly kind: 'domain'; readonly name: DomainName }
  | { readonly kind: 'pool'; readonly name: PoolName };

/** The owner of a stream; a name from outside that is no stream gives a problem. */
export function parseStreamName(text: string): Parsed<{ stream: StreamName; owner: Owner }> {
  const problem = `expected domain-HOST or pool-NAME, found ${quoted(text)}`;
  if (!isOwned(text)) return { ok: false, problem };
  const [kind, name] = [kindOf(text), ownerNameOf(text)];
  if (kind === 'pool') {
    const pool = parsePoolName(name);
    if (!pool.ok) return pool;
    return { ok: true, value: { stream: poolStream(pool.value), owner: { kind, name: pool.value } } };
  }
  // As written in the log: an older log may have an IPv6 literal in a form that is no longer written.
  if (isDomainName(name)) return { ok: true, value: { stream: domainStream(name), owner: { kind, name } } };
  const host = parseDomainName(name);
  return host.ok ? { ok: false, problem } : host;
}

function isDomainName(name: string): name is DomainName {
  if (name === '*') return true;
  if (name.length > HOST_BYTES) return false;
  return LABELS.test(name.startsWith('*.') ? name.slice(2) : name) || IPV6.test(name);
}

function identifier<Name extends string>(what: string, text: string): Parsed<Name> {
  if (IDENTIFIER.test(text)) return { ok: true, value: text as Name };
  return {
    ok: false,
    problem: `expected ${what} of 1 to 100 letters, digits, dots, dashes or underscores that starts with a letter or digit, found ${quoted(text)}`,
  };
}

/** What was found, for a message: never longer than a line, never with control characters. */
export function quoted(found: string): string {
  return JSON.stringify(found.length > 80 ? `${found.slice(0, 80)}…` : found);
}
