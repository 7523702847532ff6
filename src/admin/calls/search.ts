/**
 * Searches recorded events by content. Answered by history, because a search reads much and must not block anything
 * else.
 */
import {
  type BackendId,
  type PoolName,
  parseBackendId,
  parsePoolName,
  quoted,
  type StreamName,
} from '../../../eventlog/index.ts';
import type { WishOf } from '../../history/index.ts';
import { type Call, header } from '../http/call.ts';
import { momentFrom, momentOf } from '../http/moments.ts';
import { poured } from '../http/poured.ts';
import { Refused } from '../http/problem.ts';
import { flag } from '../http/query.ts';
import type { Reply } from '../http/reply.ts';
import type { AdminPorts } from '../ports.ts';

/** Any of these keys turns reading events into a search. */
export const SEARCH_KEYS = [
  'grep',
  'since',
  'until',
  'type',
  'author',
  'backend',
  'made',
  'reverse',
  'progress',
] as const;

export type Bounds = {
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly limit: number;
  readonly stream: StreamName | undefined;
};

export function isSearch(call: Call): boolean {
  return SEARCH_KEYS.some((key) => call.query.has(key));
}

export async function searchEvents(call: Call, ports: AdminPorts, bounds: Bounds): Promise<Reply> {
  if (flag(call, 'follow')) throw unfit('follow', 'no other keys beside it than from and stream', 'a search');
  if (/text\/event-stream/i.test(header(call, 'accept') ?? ''))
    throw new Refused(
      'invalid_header',
      'Accept: expected application/x-ndjson for a search, found text/event-stream',
    );
  return poured(call, ports.history, 'events', wishOf(call, bounds), 'application/x-ndjson');
}

function wishOf(call: Call, { from, to, limit, stream }: Bounds): WishOf<'events'> {
  const since = momentOf(call, 'since');
  const until = momentOf(call, 'until');
  if (since !== undefined && from !== undefined) throw unfit('since', 'from or since', 'both');
  if (until !== undefined && to !== undefined) throw unfit('until', 'to or until', 'both');
  const { grep, type, author } = Object.fromEntries(call.query);
  const reverse = flag(call, 'reverse');
  return {
    from: since ?? momentFrom(from, 'from'),
    to: until ?? momentFrom(to, 'to'),
    stream,
    grep,
    type,
    author,
    made: madeOf(call, stream),
    reverse,
    limit,
    progress: flag(call, 'progress'),
  };
}

function madeOf(call: Call, stream: StreamName | undefined): WishOf<'events'>['made'] {
  const backend = call.query.get('backend');
  const became = call.query.get('made');
  if (backend === undefined && became === undefined) return undefined;
  if (backend === undefined) throw unfit('made', 'backend=POOL/ID with it', 'none');
  if (became !== 'available' && became !== 'unavailable')
    throw unfit('made', 'available or unavailable', became === undefined ? 'nothing' : quoted(became));
  if (stream !== undefined) throw unfit('stream', 'a stream or a backend', 'both');
  return { ...backendOf(backend), became };
}

function backendOf(text: string): { readonly pool: PoolName; readonly backend: BackendId } {
  const [pool = '', backend = '', ...rest] = text.split('/');
  const owner = parsePoolName(pool);
  const id = parseBackendId(backend);
  if (owner.ok && id.ok && rest.length === 0) return { pool: owner.value, backend: id.value };
  throw unfit('backend', 'POOL/ID such as web/web.1', quoted(text));
}

function unfit(key: string, expected: string, found: string): Refused {
  return new Refused('invalid_query', `${key}: expected ${expected}, found ${found}`);
}
