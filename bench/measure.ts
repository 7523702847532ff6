/** One case against all peers: rounds in which each has its turn, so that a noisy minute hits them all. */
import { request } from 'undici';
import { cpuBetween, cpuTimeOf, privateBytesOf } from './accounting.ts';
import { contentOf } from './backend.ts';
import type { IdleCase, RequestCase, TurnCase } from './cases.ts';
import { openIdle } from './idle.ts';
import { BENCH_HOST, type Load } from './load.ts';
import type { RunningPeer } from './peers/peer.ts';
import { type Spread, spread } from './statistics.ts';

export type Contender = { readonly name: string } & RunningPeer;

export type Plan = {
  readonly rounds: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly loadCore: string | undefined;
  /** All at once, on one core: what disturbs one disturbs the others alike. */
  readonly together: boolean;
};

/** The load of a case against one contender, for so long. */
export type Drive = (seconds: number) => Promise<Load>;

export type Turn = {
  readonly round: number;
  readonly peer: string;
  readonly cpuUsPerRequest: number;
  readonly cpuSource: 'schedstat' | 'stat';
  /** The same from ticks of 10 ms, threads that ended included: a check on the finer figure. */
  readonly tickUsPerRequest: number;
  /** Share of one core that the proxy used; well below 1, the load was the limit. */
  readonly busy: number;
  readonly load: Load;
};

export async function takeTurn(
  contender: Contender,
  of: TurnCase,
  drive: Drive,
  round: number,
  plan: Plan,
): Promise<Turn> {
  if (of.measure === 'requests') await verify(contender, of);
  await drive(plan.warmUpSeconds);
  const before = cpuTimeOf(contender.pid);
  const began = performance.now();
  const measured = await drive(plan.seconds);
  const wallNs = (performance.now() - began) * 1e6;
  const after = cpuTimeOf(contender.pid);
  if (of.measure === 'requests') await verify(contender, of);
  checkBytes(contender, of, measured);
  const { ns, source } = cpuBetween(before, after);
  return {
    round,
    peer: contender.name,
    cpuUsPerRequest: ns / 1000 / measured.requests,
    cpuSource: source,
    tickUsPerRequest: (after.tickNs - before.tickNs) / 1000 / measured.requests,
    busy: ns / wallNs,
    load: measured,
  };
}

export type IdleTurn = { readonly round: number; readonly peer: string; readonly bytesPerConnection: number };

export async function takeIdleTurn(contender: Contender, of: IdleCase, round: number): Promise<IdleTurn> {
  // What a process takes for its first ones, a heap that may grow to its size above all, is no cost of a connection.
  await using _first = await openIdle(contender.port, of.first);
  const before = privateBytesOf(contender.pid);
  await using connections = await openIdle(contender.port, of.connections);
  const after = privateBytesOf(contender.pid);
  return { round, peer: contender.name, bytesPerConnection: (after - before) / connections.count };
}

/** Each round's figure of a peer over that of the yardstick in the same round. */
export function ratios<T extends { readonly round: number; readonly peer: string }>(
  turns: readonly T[],
  figure: (turn: T) => number,
  peer: string,
  yardstick: string,
): Spread | undefined {
  const perRound: number[] = [];
  for (const turn of turns) {
    if (turn.peer !== peer) continue;
    const other = turns.find(({ round, peer: name }) => round === turn.round && name === yardstick);
    if (other !== undefined) perRound.push(figure(turn) / figure(other));
  }
  return perRound.length === 0 ? undefined : spread(perRound);
}

/** A peer that answers wrong or not at all has no figure in that case. */
export class PeerFailed extends Error {
  override readonly name = 'PeerFailed';
  readonly peer: string;

  constructor(peer: string, of: TurnCase, what: string, cause?: unknown) {
    super(`${peer}, ${of.name}: ${what}`, { cause });
    this.peer = peer;
  }
}

const CHECKS = 20;
const ANSWER_MS = 30_000;

/** A fast wrong answer is worth nothing: status and every byte, before and after each measurement. */
async function verify({ name, port, hosts }: Contender, of: RequestCase): Promise<void> {
  const expected = contentOf(of.responseBytes);
  for (let check = 0; check < CHECKS; check++) {
    const { statusCode, found } = await answered(port, hosts?.[0] ?? BENCH_HOST, of).catch(
      (cause: unknown) => {
        throw new PeerFailed(name, of, `expected an answer within ${ANSWER_MS} ms, found none`, cause);
      },
    );
    if (statusCode === 200 && found === expected) continue;
    throw new PeerFailed(
      name,
      of,
      `expected 200 and ${expected.length} known bytes, found ${statusCode} and ${found.length}`,
    );
  }
}

async function answered(port: number, host: string, of: RequestCase) {
  const { statusCode, body } = await request(`http://127.0.0.1:${port}/${of.responseBytes}`, {
    headersTimeout: ANSWER_MS,
    bodyTimeout: ANSWER_MS,
    method: of.method,
    headers: { ...withoutConnection(of.headers), host },
    body: of.requestBytes === 0 ? null : '0123456789abcdef'.repeat(of.requestBytes / 16),
  });
  return { statusCode, found: await body.text() };
}

// undici sets this one itself.
function withoutConnection(headers: Readonly<Record<string, string>>): Record<string, string> {
  const { Connection: _, ...rest } = headers;
  return rest;
}

function checkBytes({ name }: Contender, of: TurnCase, { requests, bytes }: Load): void {
  const expected = of.measure === 'requests' ? of.responseBytes : of.messageBytes;
  if (requests > 0 && bytes >= requests * expected) return;
  throw new PeerFailed(
    name,
    of,
    `expected at least ${expected} bytes a response, found ${bytes} in ${requests}`,
  );
}
