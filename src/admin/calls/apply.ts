/** Makes all pools and domains equal to the given ones, at one position or not at all. */
import type { Answer, By, Plan } from '../../../actors/index.ts';
import { MAX_ALLOWANCE } from '../../config/index.ts';
import { Comparing, type Comparison } from '../../history/index.ts';
import type { Call, HeldBody } from '../http/call.ts';
import { byOf } from '../http/command-headers.ts';
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

/** Releases the comparison before the response is sent, whatever its size, because others wait to compare. */
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

/** Throws `Refused` if the body cannot be read as a wish. */
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

/** An empty wish does not mean an empty routing: a truncated or misspelt file must not empty the router. */
function silent(): Refused {
  return unfit('invalid_settings', [{ path: '', expected: 'pools and domains', found: 'neither' }]);
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

/**
 * Puts the changes in force at once and undoes them unless they are confirmed; the answer has the trial's id and its
 * end.
 */
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
  /** What the plan was made from; undefined if none was made. */
  readonly planned: Comparison | undefined;
};

/** Releases the comparison with the answer, because a caller may wait long for drains. */
async function carriedOut(
  call: Call,
  ports: AdminPorts,
  how: How,
  carryOut: (plan: Plan, digest: string) => Promise<Answer>,
): Promise<CarriedOut> {
  using body = await bodyOf(call);
  await using comparing = await comparingOf(call, ports, how, body.bytes);
  // Comparing everything takes time. Changes made meanwhile are compared too before the desk's turn, so that little is
  // left to do while others wait.
  await comparing.compare();
  await comparing.bringUp(await ports.log.position());
  const answer = await carryOut(comparing.plan, comparing.digest);
  return { answer, planned: comparing.planned };
}

/** A repeated command is not planned again: its changes are history and can be read in the events. */
function appliedAs(answer: Done, planned: Comparison | undefined) {
  const { position, changed } = facts(answer);
  const what = planned === undefined ? { repeated: true } : { changes: planned.changes };
  return { dryRun: false, position, changed, ...what };
}
