/** All routing state, now or at a past position or time, in the shape that `apply` takes. */
import type { Present } from '../../actors/index.ts';
import { quoted } from '../../eventlog/index.ts';
import { routingJson } from '../config/index.ts';
import type { Call } from './call.ts';
import { presentAt, type Until } from './history.ts';
import type { AdminPorts } from './ports.ts';
import { Refused } from './problem.ts';
import { json, type Reply } from './reply.ts';
import { routingOf } from './routing-of.ts';

export async function getState(call: Call, { desk, log }: AdminPorts): Promise<Reply> {
  const at = call.query.get('at');
  if (at === undefined) return json(shown(await desk.present()));
  const until = await untilOf(at, await log.position());
  return json(shown(await presentAt(log, until)));
}

function untilOf(at: string, end: number): Until {
  if (/^\d{1,15}$/.test(at)) {
    const position = Number(at);
    if (position <= end) return { type: 'position', position };
    throw new Refused(
      'invalid_query',
      `at: expected a position up to ${end}, the end of the log, found ${at}`,
    );
  }
  const ms = momentOf(at);
  if (ms !== undefined) return { type: 'moment', ms };
  throw new Refused(
    'invalid_query',
    `at: expected a position or a time such as 2026-01-31T14:03:00Z, found ${quoted(at)}`,
  );
}

// RFC 3339 §5.6: with an offset; `+` may arrive as a space, since that is what it means in a query.
const TIME = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+ -]\d{2}:\d{2})$/;

function momentOf(text: string): number | undefined {
  const ms = TIME.test(text) ? Date.parse(text.toUpperCase().replace(' ', '+')) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** `notes`: what passes by itself and is no setting. */
function shown(present: Present) {
  return { position: present.position, ...routingJson(routingOf(present)), notes: notesOf(present) };
}

function notesOf({ pools }: Present) {
  const notes: object[] = [];
  for (const [pool, { backends }] of pools) {
    for (const [backend, { drainUntilMs, quarantine }] of Object.entries(backends)) {
      if (drainUntilMs !== undefined || quarantine !== undefined)
        notes.push({ pool, backend, drainUntilMs, quarantine });
    }
  }
  return notes;
}
