/** Random histories: steps for fast-check to make and shrink, and a writer who plays them as the desk would. */
import * as fc from 'fast-check';
import {
  type Append,
  type Appended,
  type BackendId,
  type EventLog,
  fold,
  type Json,
  type PoolName,
  type Recorded,
  type StreamName,
  type SwitchyardEvent,
  type Write,
} from '../../eventlog/index.ts';
import { domainOf, poolOf } from './appends.ts';
import { everything } from './projections.ts';

export type Step = {
  readonly writes: readonly { readonly owner: number; readonly picks: readonly number[] }[];
  /** One of them expects a version that is not there. */
  readonly stale: boolean;
  /** Sent twice in the same turn. */
  readonly twice: boolean;
  /** The next step does not wait for this one. */
  readonly together: boolean;
};

const OWNERS: readonly StreamName[] = [
  domainOf('a.example'),
  domainOf('*.b.example'),
  domainOf('*'),
  poolOf('web'),
  poolOf('api'),
  poolOf('Batch_1'),
];
const POOLS = ['web', 'api', 'Batch_1'];

export function histories(maxLength = 40): fc.Arbitrary<readonly Step[]> {
  const picks = fc.array(fc.nat({ max: 999 }), { maxLength: 4 });
  const writes = fc.uniqueArray(fc.record({ owner: fc.nat({ max: OWNERS.length - 1 }), picks }), {
    selector: ({ owner }) => owner,
    maxLength: 3,
  });
  const rarely = fc.nat({ max: 9 }).map((n) => n === 9);
  const step = fc.record({ writes, stale: rarely, twice: rarely, together: fc.boolean() });
  return fc.array(step, { maxLength, size: 'max' });
}

export type Played = {
  readonly acknowledged: readonly { readonly append: Append; readonly appended: Appended }[];
};

/** Appends each step against what the writer knows; what it knows is right unless the step is a stale one. */
export async function play(log: EventLog, steps: readonly Step[], prefix = 'step'): Promise<Played> {
  const owners = new Map<StreamName, { version: number; state: Json }>();
  const acknowledged: { append: Append; appended: Appended }[] = [];
  let pending: Promise<unknown>[] = [];
  for (const [index, step] of steps.entries()) {
    const writes: Write[] = [];
    for (const { owner, picks } of step.writes)
      writes.push(await writeOf(log, OWNERS[owner]!, picks, owners));
    const append = appendOf(`${prefix}-${index}`, step, writes);
    for (let times = step.twice ? 2 : 1; times > 0; times -= 1) {
      pending.push(log.append(append).then((appended) => acknowledged.push({ append, appended })));
    }
    // A refused step leaves the owners as they were, so what was assumed of them is forgotten.
    if (step.together && !step.stale) continue;
    await Promise.all(pending);
    pending = [];
    if (step.stale) owners.clear();
  }
  await Promise.all(pending);
  return { acknowledged };
}

function appendOf(commandId: string, step: Step, writes: readonly Write[]): Append {
  const stale = step.stale && writes.length > 0;
  const asked = stale
    ? writes.map((write, at) => (at === 0 ? { ...write, expected: write.expected + 1 } : write))
    : writes;
  return { commandId, digest: commandId, author: 'history', answer: { commandId }, writes: asked };
}

async function writeOf(
  log: EventLog,
  stream: StreamName,
  picks: readonly number[],
  owners: Map<StreamName, { version: number; state: Json }>,
): Promise<Write> {
  const known = owners.get(stream) ?? (await stateIn(log, stream));
  const events: SwitchyardEvent[] = [];
  let { state, version } = known;
  for (const pick of picks) {
    const event = eventFor(stream, state, pick);
    events.push(event);
    version += 1;
    state = everything.evolve(state, { ...event, version } as Recorded);
  }
  owners.set(stream, { version, state });
  return { stream, expected: known.version, events, current: state };
}

async function stateIn(log: EventLog, stream: StreamName): Promise<{ version: number; state: Json }> {
  const events = await log.readStream(stream, { limit: 10_000 });
  return { version: events.length, state: fold(everything, events) };
}

function eventFor(stream: StreamName, state: Json, pick: number): SwitchyardEvent {
  const pool = POOLS[pick % POOLS.length] as PoolName;
  if (stream.startsWith('domain-')) {
    if (state === null) return { type: 'DomainCreated', data: { settings: { pool } } };
    if (pick % 5 === 0) return { type: 'DomainRemoved', data: {} };
    return { type: 'DomainChanged', data: { settings: { pool } } };
  }
  const id = `web.${pick % 4}` as BackendId;
  if (state === null) return { type: 'PoolCreated', data: { settings: { maxConcurrency: pick + 1 } } };
  if (pick % 11 === 0) return { type: 'PoolRemoved', data: {} };
  if (pick % 3 === 0)
    return { type: 'BackendAdded', data: { id, backend: { address: `10.0.0.${pick % 200}:80` } } };
  if (pick % 3 === 1)
    return { type: 'BackendQuarantined', data: { id, cause: 'connect_refused', untilMs: pick } };
  return { type: 'BackendDrainStarted', data: { id, untilMs: pick } };
}
