/**
 * What a bulk of puts comes to where nobody ever heard of their owners, as of nearly all in a large import: decided before
 * its turn comes, and sealed in it. There it need only be true still; where it is not, the commands are decided as always.
 */
import {
  type LocalLog,
  type PackedAppend,
  type PoolName,
  packAppend,
  poolStream,
  prepare,
} from '../../eventlog/index.ts';
import { decideFrom } from '../owner/owned.ts';
import type { Answer, Command } from './command.ts';
import type { Request } from './command-handler.ts';
import { poolsNamedBy } from './named-pools.ts';
import { type Kept, proposedBy } from './proposals.ts';

/** Crosses threads as it is. */
export type Draft = {
  readonly append: PackedAppend;
  /** These must be there. */
  readonly pools: readonly PoolName[];
  readonly answer: Kept;
};

/** Pools and domains that are put, at most one command to each. Undefined: one of them is refused. */
export function draftOf(
  commands: readonly Command[],
  { by, digest }: Request,
  newCommandId: () => string,
): Draft | undefined {
  const proposals = commands.map((command) => ({
    decision: decideFrom(command, null),
    state: null,
    version: 0,
  }));
  const proposed = proposedBy(commands, proposals);
  if (proposed.type === 'rejected') return undefined;
  const { writes, answer, versions } = proposed;
  const append = prepare({
    commandId: by.commandId ?? newCommandId(),
    digest,
    author: by.author,
    answer: { answer, versions },
    writes,
  });
  return { append: packAppend(append), pools: poolsNamedBy(commands).pools, answer };
}

/** Undefined, with nothing written: it is not so, or was answered before. For whoever has the log for itself. */
export async function sealed(
  { append, pools, answer }: Draft,
  log: Pick<LocalLog, 'absentAmong' | 'appendPacked'>,
): Promise<Answer | undefined> {
  if ((await log.absentAmong(pools.map(poolStream))).length > 0) return undefined;
  const appended = await log.appendPacked(append);
  return appended.type === 'appended' ? { type: 'done', ...answer, position: appended.position } : undefined;
}
