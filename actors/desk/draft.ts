/**
 * What a bulk of puts comes to if none of their owners exists yet, as with nearly all in a large import. It is decided
 * before its turn and sealed in it, where the assumption only has to be checked. If it does not hold, the commands are
 * decided as usual.
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

/** Plain data, which can be posted to another thread. */
export type Draft = {
  readonly append: PackedAppend;
  /** These pools must exist. */
  readonly pools: readonly PoolName[];
  readonly answer: Kept;
};

/** Takes puts of pools and domains, at most one command for each. Undefined: one of them is refused. */
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

/**
 * Writes the draft. Undefined: nothing was written, since the assumption does not hold or the command was answered before.
 * Only for a caller that has the log to itself.
 */
export async function sealed(
  { append, pools, answer }: Draft,
  log: Pick<LocalLog, 'absentAmong' | 'appendPacked'>,
): Promise<Answer | undefined> {
  if ((await log.absentAmong(pools.map(poolStream))).length > 0) return undefined;
  const appended = await log.appendPacked(append);
  return appended.type === 'appended' ? { type: 'done', ...answer, position: appended.position } : undefined;
}
