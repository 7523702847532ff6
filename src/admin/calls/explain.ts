/** Why a recorded request went where it went, and where one would go. */
import { z } from 'zod';
import { parseDomainName, quoted } from '../../../eventlog/index.ts';
import type { AskedStory, AskedWish } from '../../history/index.ts';
import { domainOf } from '../../wire/index.ts';
import { bodyBy } from '../http/body-by.ts';
import type { Call } from '../http/call.ts';
import { momentFrom } from '../http/moments.ts';
import { Refused } from '../http/problem.ts';
import { json, type Reply } from '../http/reply.ts';
import { unfit } from '../http/wish.ts';
import type { AdminPorts } from '../ports.ts';

// 200: the longest id that a trusted peer can give.
const LONGEST_ID = 200;

export async function getRequest(call: Call, { history }: AdminPorts): Promise<Reply> {
  const id = call.params.get('id') ?? '';
  if (id.length > LONGEST_ID)
    throw new Refused('invalid_query', `id: expected at most ${LONGEST_ID} characters, found ${id.length}`);
  return json(await history.ask('explain', { id }, call.signal));
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,127}$/;

const askedBody = z.strictObject({
  host: z.string().min(1).max(300),
  path: z.string().max(8192).default('/'),
  method: z.string().regex(TOKEN, 'expected a method').default('GET'),
  headers: z.record(z.string(), z.string()).default({}),
  at: z.union([z.int().min(0), z.string()]).optional(),
  whyNot: z.string().max(100).optional(),
});

export async function postExplain(call: Call, { history, checkpoint }: AdminPorts): Promise<Reply> {
  const { at: when, headers, whyNot, ...asked } = await bodyBy(call, askedBody);
  requireHost(asked.host);
  requireTarget(asked);
  const at = momentFrom(when, 'at');
  const wish: AskedWish = {
    ...asked,
    headers: Object.entries(headers).flat(),
    ...(at === undefined ? {} : { at }),
    ...(whyNot === undefined ? {} : { whyNot }),
  };
  const ask = (more: Partial<AskedWish>): Promise<AskedStory> =>
    history.ask('explainAsked', { ...wish, ...more }, call.signal);
  const first = await ask({});
  if (at !== undefined || first.pool === null) return json(first);
  // Only now is the pool known; its ledger is shown as it is.
  const packed = checkpoint(first.pool);
  return json(packed === undefined ? first : await ask({ live: { pool: first.pool, checkpoint: packed } }));
}

/** A name that no Host field may contain is answered 400 before any domain is looked up. */
function requireHost(host: string): void {
  if (domainOf(host) !== '') return;
  const name = parseDomainName(host);
  const problem = name.ok ? `expected the name of one host, found ${quoted(host)}` : name.problem;
  throw new Refused('invalid_query', `host: ${problem}; a request for it is answered 400`);
}

/** RFC 9112 §3.2.4: only OPTIONS may have `*`, the server as a whole, in place of a path. */
function requireTarget({ path, method }: { readonly path: string; readonly method: string }): void {
  if (path.startsWith('/') || (path === '*' && method === 'OPTIONS')) return;
  const expected = 'a path that begins with /, or * with OPTIONS';
  throw unfit('invalid_settings', [{ path: 'path', expected, found: quoted(path) }]);
}
