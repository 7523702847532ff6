/** Everything that can be read of a log, as one comparable value. */
import type { LogInspection, LogReader } from '../../eventlog/index.ts';

export function contentsOf(reader: LogReader & LogInspection) {
  const streams = reader.streams('', 10_000);
  const currents: unknown[] = [];
  const position = reader.snapshotOfCurrents((current) => currents.push(current));
  return {
    position,
    currents,
    events: reader.storedEvents(1, 10_000),
    rows: reader.rowsOf('', 10_000).map((row) => ({ ...row, ...reader.storedCurrent(row.stream) })),
    snapshots: streams.flatMap((stream) => reader.storedSnapshots(stream, 0, 10_000)),
    domainsOf: ['web', 'api', 'Batch_1'].map((pool) => reader.domainsOf(pool, 100)),
  };
}
