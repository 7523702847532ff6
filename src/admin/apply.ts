/** Makes all pools and domains equal to the wished ones, at one position or not at all. */
import type { Answer, Plan, Present } from '../../actors/index.ts';
import type { Json } from '../../eventlog/index.ts';
import { type Change, MAX_ALLOWANCE, parseRouting, type Routing, routingJson } from '../config/index.ts';
import { byOf } from './by.ts';
import type { Call } from './call.ts';
import { compared, planFor } from './plan.ts';
import type { AdminPorts } from './ports.ts';
import { waitOf } from './prefer.ts';
import { Refused, rejected } from './problem.ts';
import { count, flag } from './query.ts';
import { facts, positionHeader } from './receipt.ts';
import { removedIn, withDrained } from './removed.ts';
import { json, type Reply } from './reply.ts';
import { wishOf } from './wish.ts';

const DAY_MS = 86_400_000;

export async function apply(call: Call, ports: AdminPorts): Promise<Reply> {
  const dryRun = flag(call, 'dryRun');
  const allowRemovals = count(call, 'allowRemovals', { min: 0, max: MAX_ALLOWANCE }) ?? 0;
  const wished = await wishOf(call, (raw) => parseRouting(said(raw), ports.ownAddresses()));
  if (dryRun) return shown(await ports.desk.present(), wished, allowRemovals);
  return carriedOut(call, ports, wished, allowRemovals);
}

/** Nothing at all said is no wish for nothing at all: a truncated or misspelt file must not empty the router. */
function said(raw: unknown): unknown {
  const silent = typeof raw === 'object' && raw !== null && Object.keys(raw).length === 0;
  if (raw !== undefined && !silent) return raw;
  throw new Refused('invalid_settings', 'expected pools and domains, found neither');
}

function shown(present: Present, wished: Routing, allowRemovals: number): Reply {
  const { changes, refusal } = compared(present, wished, allowRemovals);
  const refused = refusal === undefined ? null : { type: refusal.type, detail: refusal.detail };
  return json({ dryRun: true, position: present.position, refused, changes });
}

async function carriedOut(
  call: Call,
  ports: AdminPorts,
  wished: Routing,
  allowRemovals: number,
): Promise<Reply> {
  const waitMs = waitOf(call);
  let changes: readonly Change[] | undefined;
  const plan = planFor(wished, allowRemovals, (seen) => {
    changes = seen;
  });
  const digest = { type: 'Apply', allowRemovals, ...routingJson(wished) } as unknown as Json;
  const trialMs = count(call, 'confirmWithinMs', { min: 1, max: DAY_MS });
  if (trialMs !== undefined) {
    const trialDigest = { ...(digest as object), confirmWithinMs: trialMs } as Json;
    return putOnTrial(call, ports, { plan, trialMs, digest: trialDigest, seen: () => changes });
  }
  const answer = await ports.desk.carryOut(plan, byOf(call), digest);
  if (answer.type === 'rejected' || changes === undefined) return replyTo(answer, changes);
  const known = appliedAs(answer, { changes });
  return withDrained(call, ports, { answer, known, leavers: removedIn(changes), waitMs });
}

type OnTrial = {
  readonly plan: Plan;
  readonly trialMs: number;
  readonly digest: Json;
  readonly seen: () => readonly Change[] | undefined;
};

/** In force at once, and undone unless it is confirmed: the answer says under which id, and until when. */
async function putOnTrial(
  call: Call,
  ports: AdminPorts,
  { plan, trialMs, digest, seen }: OnTrial,
): Promise<Reply> {
  const { confirmations } = ports;
  if (confirmations === undefined)
    throw new Refused('invalid_query', 'confirmWithinMs: expected a running router, found none');
  const by = confirmations.commandFor(byOf(call));
  const answer = await confirmations.putOnTrial(plan, trialMs, by, digest);
  if (answer.type === 'rejected') return rejected(answer.rejection);
  const trial = confirmations.trial(by.commandId);
  const confirm = trial === undefined ? null : { id: trial.id, untilMs: trial.untilMs };
  return json({ ...appliedAs(answer, changesOr(seen())), confirm }, positionHeader(answer));
}

type Done = Extract<Answer, { type: 'done' }>;

/** A repeated command is not planned again: its changes are history, to be read in the events. */
function replyTo(answer: Answer, changes: readonly Change[] | undefined): Reply {
  if (answer.type === 'rejected') return rejected(answer.rejection);
  return json(appliedAs(answer, changesOr(changes)), positionHeader(answer));
}

function changesOr(changes: readonly Change[] | undefined): object {
  return changes === undefined ? { repeated: true } : { changes };
}

function appliedAs(answer: Done, what: object) {
  const { position, changed } = facts(answer);
  return { dryRun: false, position, changed, ...what };
}
