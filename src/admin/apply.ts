/** Makes all pools and domains equal to the wished ones, at one position or not at all. */
import type { Answer, By } from '../../actors/index.ts';
import { MAX_ALLOWANCE } from '../config/index.ts';
import { Comparing } from '../history/index.ts';
import { byOf } from './by.ts';
import type { Call } from './call.ts';
import type { AdminPorts } from './ports.ts';
import { streamed } from './poured.ts';
import { waitOf } from './prefer.ts';
import { Refused, rejected } from './problem.ts';
import { count, flag } from './query.ts';
import { type Done, facts, positionHeader } from './receipt.ts';
import { removedIn, withDrained } from './removed.ts';
import { json, type Reply } from './reply.ts';
import { unfit } from './wish.ts';

const DAY_MS = 86_400_000;

type How = {
  readonly dryRun: boolean;
  readonly allowRemovals: number;
  readonly confirmWithinMs: number | undefined;
};

export async function apply(call: Call, ports: AdminPorts): Promise<Reply> {
  const dryRun = flag(call, 'dryRun');
  const allowRemovals = count(call, 'allowRemovals', { min: 0, max: MAX_ALLOWANCE }) ?? 0;
  if (dryRun)
    return shown(
      await comparingOf(call, ports, { dryRun, allowRemovals, confirmWithinMs: undefined }),
      ports,
    );
  const confirmWithinMs = count(call, 'confirmWithinMs', { min: 1, max: DAY_MS });
  await using comparing = await comparingOf(call, ports, { dryRun, allowRemovals, confirmWithinMs });
  // To look at all takes its time; what others did in it is looked at before they have to wait, and there is little left for then.
  await comparing.compare();
  await comparing.bringUp(await ports.log.position());
  if (confirmWithinMs !== undefined) return putOnTrial(call, ports, comparing, confirmWithinMs);
  return carriedOut(call, ports, comparing);
}

/** Poured as it is told, however much it is; the end of that is the end of the comparing. */
async function shown(comparing: Comparing, { desk }: AdminPorts): Promise<Reply> {
  try {
    return await desk.look(() => streamed(comparing.shown, 'application/json'));
  } catch (error) {
    await comparing[Symbol.asyncDispose]();
    throw error;
  }
}

/** Throws `Refused` for what cannot be read as a wish. */
async function comparingOf(call: Call, ports: AdminPorts, how: How): Promise<Comparing> {
  const { dryRun, allowRemovals, confirmWithinMs } = how;
  const bytes = await call.whole();
  if (bytes === undefined) throw silent();
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

async function carriedOut(call: Call, ports: AdminPorts, comparing: Comparing): Promise<Reply> {
  const waitMs = waitOf(call);
  const answer = await ports.desk.carryOut(comparing.plan, byOf(call), comparing.digest);
  const { changes } = comparing.planned ?? {};
  if (answer.type === 'rejected' || changes === undefined) return replyTo(answer, comparing);
  const known = appliedAs(answer, comparing);
  return withDrained(call, ports, { answer, known, leavers: removedIn(changes), waitMs });
}

/** In force at once, and undone unless it is confirmed: the answer says under which id, and until when. */
async function putOnTrial(
  call: Call,
  ports: AdminPorts,
  comparing: Comparing,
  withinMs: number,
): Promise<Reply> {
  const { confirmations } = ports;
  if (confirmations === undefined)
    throw new Refused('invalid_query', 'confirmWithinMs: expected a running router, found none');
  const by: By & { readonly commandId: string } = confirmations.commandFor(byOf(call));
  const answer = await confirmations.putOnTrial(comparing.plan, withinMs, by, comparing.digest);
  if (answer.type === 'rejected') return rejected(answer.rejection);
  const trial = confirmations.trial(by.commandId);
  const confirm = trial === undefined ? null : { id: trial.id, untilMs: trial.untilMs };
  return json({ ...appliedAs(answer, comparing), confirm }, positionHeader(answer));
}

function replyTo(answer: Answer, comparing: Comparing): Reply {
  if (answer.type === 'rejected') return rejected(answer.rejection);
  return json(appliedAs(answer, comparing), positionHeader(answer));
}

/** A repeated command is not planned again: its changes are history, to be read in the events. */
function appliedAs(answer: Done, { planned }: Comparing) {
  const { position, changed } = facts(answer);
  const what = planned === undefined ? { repeated: true } : { changes: planned.changes };
  return { dryRun: false, position, changed, ...what };
}
