import { type Happened, packNames, type Recorded, unpacked } from '../../eventlog/index.ts';

/** As another thread tells of what it appended. */
export function fromAnotherThread(events: readonly Recorded[]): Happened {
  return unpacked({ ...packNames(events), appends: [{ events: JSON.stringify(events) }] });
}
