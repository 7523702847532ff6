/**
 * Recorded events as NDJSON or Server-Sent Events: first the existing ones, then new ones, without a gap. If the
 * beginning is in an archive, the response head says so; an `EventSource` cannot read heads, and is told by an event.
 */
import { parseStreamName, quoted, type StreamName } from '../../../eventlog/index.ts';
import { type Call, header } from '../http/call.ts';
import { momentOf } from '../http/moments.ts';
import { problem, Refused } from '../http/problem.ts';
import { count, flag } from '../http/query.ts';
import type { Reply } from '../http/reply.ts';
import type { AdminPorts } from '../ports.ts';
import { type Follow, streamEvents } from './event-stream.ts';
import { isSearch, searchEvents } from './search.ts';

const FAR = Number.MAX_SAFE_INTEGER;
// 64: enough for the dashboards and tails of a whole team; each costs a read per append.
const MAX_FOLLOWERS = 64;

const followers = new WeakMap<AdminPorts, number>();

export async function getEvents(call: Call, ports: AdminPorts): Promise<Reply> {
  const sse = /(?:^|,)\s*text\/event-stream\b/i.test(header(call, 'accept') ?? '');
  const follow = flag(call, 'follow');
  const stream = streamOf(call.query.get('stream'));
  const from = fromOf(call);
  const asked = {
    from,
    to: count(call, 'to', { min: 0, max: FAR }),
    limit: count(call, 'limit', { min: 1, max: FAR }),
  };
  if (isSearch(call)) {
    const given = count(call, 'from', { min: 0, max: FAR });
    const found = await searchEvents(call, ports, {
      ...asked,
      from: given,
      limit: asked.limit ?? FAR,
      stream,
    });
    return headed(found, await archivedFrom(ports, searchedFrom(call, given)));
  }
  // The end is fixed before the first byte, so that the response ends even if the log grows faster than it is read.
  const to = asked.to ?? (follow ? FAR : await ports.log.position());
  const archived = await archivedFrom(ports, from);
  const told = sse ? {} : { archived };
  const wish: Follow = { from, to, limit: asked.limit ?? FAR, stream, follow, sse, ...told };
  if (!follow || call.method === 'HEAD') return headed(reply(ports, wish), archived);
  return headed(followed(ports, wish), archived);
}

function reply({ log, heartbeatMs }: AdminPorts, wish: Follow): Reply {
  return {
    type: 'stream',
    status: 200,
    headers: { 'content-type': wish.sse ? 'text/event-stream' : 'application/x-ndjson' },
    isEndless: wish.follow,
    pour: (outlet) => streamEvents(log, wish, outlet, heartbeatMs),
  };
}

function followed(ports: AdminPorts, wish: Follow): Reply {
  const present = followers.get(ports) ?? 0;
  if (present >= MAX_FOLLOWERS) {
    const detail = `expected at most ${MAX_FOLLOWERS} followers at once`;
    return problem('too_many_followers', detail, { headers: { 'retry-after': '5' } });
  }
  const base = reply(ports, wish);
  if (base.type !== 'stream') return base;
  followers.set(ports, present + 1);
  return {
    ...base,
    pour: async (outlet) => {
      try {
        await base.pour(outlet);
      } finally {
        followers.set(ports, (followers.get(ports) ?? 1) - 1);
      }
    },
  };
}

function searchedFrom(call: Call, from: number | undefined): number {
  const since = momentOf(call, 'since');
  if (since === undefined) return from ?? 1;
  // A time that lies in an archive is refused.
  return since.type === 'position' ? since.position : FAR;
}

/** The last archived position if it is not before `from`, otherwise 0: nothing asked for is archived. */
async function archivedFrom({ log }: AdminPorts, from: number): Promise<number> {
  const archived = await log.archived();
  return archived < from ? 0 : archived;
}

function headed(reply: Reply, archived: number): Reply {
  if (reply.type !== 'stream' || archived === 0) return reply;
  return { ...reply, headers: { ...reply.headers, 'switchyard-archived': String(archived) } };
}

/** A browser that reconnects tells which event it saw last. */
function fromOf(call: Call): number {
  const asked = count(call, 'from', { min: 0, max: FAR });
  const last = header(call, 'last-event-id');
  // The standard's value for none yet.
  if (last === undefined || last === '') return asked ?? 1;
  if (!/^\d{1,15}$/.test(last))
    throw new Refused('invalid_header', `Last-Event-ID: expected a position, found ${quoted(last)}`);
  return Number(last) + 1;
}

function streamOf(text: string | undefined): StreamName | undefined {
  if (text === undefined) return undefined;
  const parsed = parseStreamName(text);
  if (parsed.ok) return parsed.value.stream;
  throw new Refused('invalid_query', `stream: ${parsed.problem || quoted(text)}`);
}
