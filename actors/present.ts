/** Everything that is in force, read from the log's current rows. */
import type { DomainName, EventLog, PoolName } from '../eventlog/index.ts';
import type { Present } from './command.ts';
import type { DomainState } from './domain/domain.ts';
import type { PoolState } from './pool/pool-state.ts';

const PAGE = 1000;

export async function presentIn(log: Pick<EventLog, 'position' | 'currents'>): Promise<Present> {
  const domains = new Map<DomainName, NonNullable<DomainState>>();
  const pools = new Map<PoolName, NonNullable<PoolState>>();
  const position = await log.position();
  for (const kind of ['pool', 'domain'] as const) {
    const target: Map<string, unknown> = kind === 'pool' ? pools : domains;
    let after: string | undefined;
    for (;;) {
      const page = await log.currents({ kind, limit: PAGE, ...(after === undefined ? {} : { after }) });
      for (const row of page) target.set(row.stream.slice(kind.length + 1), row.state);
      after = page.at(-1)?.stream;
      if (page.length < PAGE) break;
    }
  }
  return { position, domains, pools };
}
