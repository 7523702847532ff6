/** Questions about the running process, and making a part of it fail. */
import { z } from 'zod';
import { CRASH_POINTS } from '../../../actors/index.ts';
import { quoted } from '../../../eventlog/index.ts';
import { isOpenMetrics, render } from '../../telemetry/prometheus.ts';
import { bodyBy } from '../http/body-by.ts';
import { type Call, header } from '../http/call.ts';
import { problem, Refused } from '../http/problem.ts';
import { count } from '../http/query.ts';
import { json, type Reply } from '../http/reply.ts';
import type { AdminPorts, Check } from '../ports.ts';

// 1000: the whole tree of a small router in one page.
const ACTORS = 1000;
const MAX_ACTORS = 10_000;

export async function getActors(call: Call, { actors }: AdminPorts): Promise<Reply> {
  const after = call.query.get('after');
  // A cursor is a path of indexes in the tree.
  if (after !== undefined && !/^\d{1,15}(?:\.\d{1,15}){0,15}$/.test(after)) {
    throw new Refused('invalid_query', `after: expected the next of an earlier page, found ${quoted(after)}`);
  }
  const limit = count(call, 'limit', { min: 1, max: MAX_ACTORS }) ?? ACTORS;
  const page = actors(after === undefined ? { limit } : { after, limit });
  return json({ items: page.actors, next: page.next ?? null });
}

const chaosBody = z.strictObject({
  crash: z.string().min(1).max(300),
  at: z.enum(CRASH_POINTS).optional(),
});

export async function postChaos(call: Call, { chaos }: AdminPorts): Promise<Reply> {
  const { crash, at } = await bodyBy(call, chaosBody);
  const wish = at === undefined ? { crash } : { crash, at };
  const answer = await chaos?.(wish);
  if (answer === 'done') return json(wish);
  if (answer === 'not_running')
    return problem('actor_not_running', `actor ${JSON.stringify(crash)} is not running now`);
  return problem('actor_unknown', `no actor ${JSON.stringify(crash)}; GET /v1/actors lists them`);
}

export async function getMetrics(call: Call, { metrics }: AdminPorts): Promise<Reply> {
  const { text, contentType } = render(await metrics(), isOpenMetrics(header(call, 'accept') ?? ''));
  return { type: 'text', status: 200, headers: { 'content-type': contentType }, text };
}

export async function getHealth(_call: Call, { health }: AdminPorts): Promise<Reply> {
  return checkReply(health());
}

export async function getReady(_call: Call, { ready }: AdminPorts): Promise<Reply> {
  return checkReply(ready());
}

function checkReply(check: Check): Reply {
  return json(check, {}, check.ok ? 200 : 503);
}
