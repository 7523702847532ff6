/** Reads what is in force from the log's current rows. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type Current,
  type DomainName,
  type EventLog,
  kindOf,
  ownerNameOf,
  type PoolName,
  type Position,
  type StreamName,
} from '../eventlog/index.ts';
import type { Now, Present } from './desk/command.ts';
import type { DomainState } from './domain/domain.ts';
import type { PoolState } from './pool/pool-state.ts';

type Log = Pick<EventLog, 'position' | 'currents' | 'statesOf'>;

const PAGE = 1000;

/** Valid as long as nobody else appends. */
export async function nowIn(log: Log): Promise<Now> {
  const position = await log.position();
  return {
    position,
    everything: () => presentOf(position, everyRow(log)),
    owners: (streams) => presentOf(position, rowsOf(log, streams)),
  };
}

/** Between pages, other work of the thread has its turn. */
async function* everyRow(log: Log): AsyncGenerator<readonly Current[]> {
  for (const kind of ['pool', 'domain'] as const) {
    for (let after: string | undefined; ; await nextTurn()) {
      const page = await log.currents({ kind, limit: PAGE, ...(after === undefined ? {} : { after }) });
      yield page;
      after = page.at(-1)?.stream;
      if (page.length < PAGE) break;
    }
  }
}

async function* rowsOf(log: Log, streams: readonly StreamName[]): AsyncGenerator<readonly Current[]> {
  for (let from = 0; from < streams.length; from += PAGE) {
    if (from > 0) await nextTurn();
    yield await log.statesOf(streams.slice(from, from + PAGE));
  }
}

async function presentOf(position: Position, pages: AsyncIterable<readonly Current[]>): Promise<Present> {
  const domains = new Map<DomainName, NonNullable<DomainState>>();
  const pools = new Map<PoolName, NonNullable<PoolState>>();
  for await (const page of pages) {
    for (const { stream, state } of page) {
      if (state === null) continue;
      const target: Map<string, unknown> = kindOf(stream) === 'pool' ? pools : domains;
      target.set(ownerNameOf(stream), state);
    }
  }
  return { position, domains, pools };
}
