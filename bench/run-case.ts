/** One case against its peers, each a fresh process, all in front of one backend. */
import { startBackend } from './backend.ts';
import { type Case, get128, type RequestCase, type TurnCase } from './cases.ts';
import { type Figures, measureChanges } from './changes.ts';
import { halfLoadDelay } from './half-load.ts';
import { measureHistory } from './history.ts';
import { BENCH_HOST, echoLoad, load, prepareLoad } from './load.ts';
import { coreFor } from './machine.ts';
import {
  type Contender,
  type Drive,
  type IdleTurn,
  type Plan,
  type Turn,
  takeIdleTurn,
  takeTurn,
} from './measure.ts';
import { startNodeProgram } from './peers/node-program.ts';
import type { Peer, Place } from './peers/peer.ts';

export type CaseResult =
  | { readonly case: Case & { measure: 'requests' | 'echo' }; readonly turns: readonly Turn[] }
  | { readonly case: Case & { measure: 'idle' }; readonly turns: readonly IdleTurn[] }
  | {
      readonly case: Case & { measure: 'changes' | 'history' };
      readonly figures: readonly [string, Figures][];
    };

const ECHO_BACKEND = `${import.meta.dirname}/echo/backend.ts`;

export async function runCase(
  each: Case,
  peers: readonly Peer[],
  plan: Plan,
  directory: string,
): Promise<CaseResult> {
  const backend =
    each.measure === 'echo'
      ? await startNodeProgram(plan.loadCore, ECHO_BACKEND, [String(each.messageBytes)])
      : await startBackend(directory, plan.loadCore);
  const place = {
    directory,
    backendPort: backend.port,
    core: coreFor('proxy'),
    upgrades: each.measure === 'echo',
  };
  const running: Contender[] = [];
  try {
    // Each case gets processes of its own, so that none inherits another's heap.
    for (const peer of peers) running.push(await started(peer, place));
    return await measured(each, running, plan, directory);
  } finally {
    for (const contender of running) await contender.stop();
    await backend.stop();
  }
}

async function started(peer: Peer, place: Place): Promise<Contender> {
  return { name: peer.name, ...(await peer.start(place)) };
}

async function measured(
  each: Case,
  contenders: readonly Contender[],
  plan: Plan,
  directory: string,
): Promise<CaseResult> {
  switch (each.measure) {
    case 'requests':
      return { case: each, turns: await requestTurns(each, contenders, plan, directory) };
    case 'echo': {
      const drives = contenders.map(
        ({ port }): Drive =>
          (seconds) =>
            echoLoad(each, port, seconds, plan.loadCore),
      );
      return { case: each, turns: await turns(each, contenders, drives, plan) };
    }
    case 'idle': {
      const found: IdleTurn[] = [];
      // Once: what a process has taken it keeps, so a second round on it would show nothing.
      for (const contender of contenders) found.push(await takeIdleTurn(contender, each, 0));
      return { case: each, turns: found };
    }
    case 'changes':
    case 'history': {
      const found: [string, Figures][] = [];
      for (const contender of contenders) {
        const [full] = await drivesOf(UNDER_CHANGES, [contender], plan, directory, 0);
        const delayMs = await halfLoadDelay(UNDER_CHANGES, [full as Drive], plan);
        const [half] = await drivesOf(UNDER_CHANGES, [contender], plan, directory, delayMs);
        found.push([contender.name, await figuresOf(each, contender, half as Drive, plan)]);
      }
      return { case: each, figures: found };
    }
  }
}

function figuresOf(each: Case, contender: Contender, drive: Drive, plan: Plan): Promise<Figures> {
  return each.measure === 'history'
    ? measureHistory(contender, drive, plan)
    : measureChanges(contender, drive, plan.seconds);
}

// What goes on while the table changes.
const UNDER_CHANGES: RequestCase = { ...get128, name: 'under-changes' };

async function requestTurns(
  each: RequestCase,
  contenders: readonly Contender[],
  plan: Plan,
  directory: string,
): Promise<readonly Turn[]> {
  const drives = await drivesOf(each, contenders, plan, directory, 0);
  const { pace } = each;
  if (pace === 'full') return turns(each, contenders, drives, plan);
  const named = drives.filter((_, place) => pace.halfOf.includes(contenders[place]?.name ?? ''));
  const delayMs = await halfLoadDelay(each, named.length > 0 ? named : drives, plan);
  return turns(each, contenders, await drivesOf(each, contenders, plan, directory, delayMs), plan);
}

function drivesOf(
  each: RequestCase,
  contenders: readonly Contender[],
  plan: Plan,
  directory: string,
  delayMs: number,
): Promise<readonly Drive[]> {
  return Promise.all(
    contenders.map(async ({ name, port, hosts = [BENCH_HOST] }): Promise<Drive> => {
      const script = await prepareLoad(directory, each, name, hosts, delayMs);
      return (seconds) => load(script, each, port, seconds, plan.loadCore);
    }),
  );
}

async function turns(
  each: TurnCase,
  contenders: readonly Contender[],
  drives: readonly Drive[],
  plan: Plan,
): Promise<readonly Turn[]> {
  const found: Turn[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    const take = (place: number) =>
      takeTurn(contenders[place] as Contender, each, drives[place] as Drive, round, plan);
    // Each round begins with another, so that none is always after the same neighbour.
    const places = contenders.map((_, turn) => (round + turn) % contenders.length);
    if (plan.together) found.push(...(await Promise.all(places.map(take))));
    else for (const place of places) found.push(await take(place));
  }
  return found;
}
