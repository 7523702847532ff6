/** Makes all pools and domains equal to the given ones, at one position or not at all. */
import type { Answer, By, Plan } from '../../../actors/index.ts';
import { MAX_ALLOWANCE } from '../../config/index.ts';
import { Comparing, type Comparison } from '../../history/index.ts';
import { byOf } from '../http/by.ts';
import type { Call, HeldBody } from '../http/call.ts';
import { waitOf } from '../http/prefer.ts';
import { Refused, rejected } from '../http/problem.ts';
import { count, flag } from '../http/query.ts';
import { type Done, facts, positionHeader } from '../http/receipt.ts';
import { json, type Reply } from '../http/reply.ts';
import { setAside } from '../http/set-aside.ts';
import { unfit } from '../http/wish.ts';
import type { AdminPorts } from '../ports.ts';
import { removedIn, withDrained } from './removed.ts';

const DAY_MS = 86_400_000;

type How = {
  readonly dryRun: boolean;
  readonly allowRemovals: number;
  readonly confirmWithinMs: number | undefined;
};

export async function apply(call: Call, ports: AdminPorts): Promise<Reply> {
  const dryRun = flag(call, 'dryRun');
  const allowRemovals = count(call, 'allowRemovals', { min: 0, max: MAX_ALLOWANCE }) ?? 0;
  if (dryRun) return shown(call, ports, { dryRun, allowRemovals, confirmWithinMs: undefined });
  const confirmWithinMs = count(call, 'confirmWithinMs', { min: 1, max: DAY_MS });
  const how = { dryRun, allowRemovals, confirmWithinMs };
  return confirmWithinMs === undefined
    ? putInForce(call, ports, how)
    : putOnTrial(call, ports, { ...how, confirmWithinMs });
}

/** However much it is: what was compared is let go of before it is sent, since others wait to compare. */
async function shown(call: Call, ports: AdminPorts, how: How): Promise<Reply> {
  using body = await bodyOf(call);
  await using comparing = await comparingOf(call, ports, how, body.bytes);
  const { shown } = comparing;
  const { value: first = '' } = await ports.desk.look(() => shown.next());
  return await setAside(first, shown, { 'content-type': 'application/json' });
}

async function bodyOf(call: Call): Promise<HeldBody> {
  const body = await call.whole();
  if (body === undefined) throw silent();
  return body;
}

/** Throws `Refused` for what cannot be read as a wish. */
async function comparingOf(call: Call, ports: AdminPorts, how: How, bytes: Uint8Array): Promise<Comparing> {
  const { dryRun, allowRemovals, confirmWithinMs } = how;
  const { history, comparer = () => history } = ports;
  const trial = confirmWithinMs === undefined ? {} : { confirmWithinMs };
  const wish = {
    wanted: { type: 'body', bytes, own: ports.ownAddresses() },
    allowRemovals,
    marks: { type: 'Apply', allowRemovals, ...trial },
    isShown: dryRun,
  } as const;
  const begun = await Comparing.begun(comparer(bytes.length), wish, call.signal);
  if (begun instanceof Comparing) return begun;
  throw begun.type === 'silent' ? silent() : unfit(begun.word, begun.problems, begun.found);
}

/** Nothing at all said is no wish for nothing at all: a truncated or misspelt file must not empty the router. */
function silent(): Refused {
  return new Refused('invalid_settings', 'expected pools and domains, found neither');
}

async function putInForce(call: Call, ports: AdminPorts, how: How): Promise<Reply> {
  const waitMs = waitOf(call);
  const by = byOf(call);
  const { answer, planned } = await carriedOut(call, ports, how, (plan, digest) =>
    ports.desk.carryOut(plan, by, digest),
  );
  if (answer.type === 'rejected') return rejected(answer.rejection);
  const known = appliedAs(answer, planned);
  if (planned === undefined) return json(known, positionHeader(answer));
  return withDrained(call, ports, { answer, known, leavers: removedIn(planned.changes), waitMs });
}

/** In force at once, and undone unless it is confirmed: the answer says under which id, and until when. */
async function putOnTrial(
  call: Call,
  ports: AdminPorts,
  how: How & { readonly confirmWithinMs: number },
): Promise<Reply> {
  const { confirmations } = ports;
  if (confirmations === undefined)
    throw new Refused('invalid_query', 'confirmWithinMs: expected a running router, found none');
  const by: By & { readonly commandId: string } = confirmations.commandFor(byOf(call));
  const { answer, planned } = await carriedOut(call, ports, how, (plan, digest) =>
    confirmations.putOnTrial(plan, how.confirmWithinMs, by, digest),
  );
  if (answer.type === 'rejected') return rejected(answer.rejection);
  const trial = confirmations.trial(by.commandId);
  const confirm = trial === undefined ? null : { id: trial.id, untilMs: trial.untilMs };
  return json({ ...appliedAs(answer, planned), confirm }, positionHeader(answer));
}

type CarriedOut = {
  readonly answer: Answer;
  /** What the plan was made of; undefined where none was made. */
  readonly planned: Comparison | undefined;
};

/** What was compared is let go of with the answer: whoever waits for drains may do so for long. */
async function carriedOut(
  call: Call,
  ports: AdminPorts,
  how: How,
  carryOut: (plan: Plan, digest: string) => Promise<Answer>,
): Promise<CarriedOut> {
  using body = await bodyOf(call);
  await using comparing = await comparingOf(call, ports, how, body.bytes);
  // To look at all takes its time; what others did in it is looked at before they have to wait, and there is little left for then.
  await comparing.compare();
  await comparing.bringUp(await ports.log.position());
  const answer = await carryOut(comparing.plan, comparing.digest);
  return { answer, planned: comparing.planned };
}

/** A repeated command is not planned again: its changes are history, to be read in the events. */
function appliedAs(answer: Done, planned: Comparison | undefined) {
  const { position, changed } = facts(answer);
  const what = planned === undefined ? { repeated: true } : { changes: planned.changes };
  return { dryRun: false, position, changed, ...what };
}
