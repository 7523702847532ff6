/**
 * Owners that are not running: their state is read from their rows in the log or, if a row is damaged, folded from their
 * events.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type EventLog,
  EventUnreadable,
  type Recorded,
  type StreamName,
  type SwitchyardEvent,
  type Version,
} from '../../eventlog/index.ts';
import type { Command } from '../desk/command.ts';
import { type Owners, OwnerUnavailable, type Proposal } from '../desk/desk-owners.ts';
import { decideFrom, evolveOwner, streamOf } from './owned.ts';
import type { OwnerContext } from './owner.ts';

const PAGE = 1000;

/** The owners for a caller that has the log to itself: nothing is kept here that a change would have to reach. */
export function asleepOver(log: EventLog): Owners {
  const decideAll = async (commands: readonly Command[]): Promise<readonly Proposal[]> => {
    const states = await statesAsleep(log, commands.map(streamOf));
    return commands.map((command, index) => {
      const { state, version } = states[index]!;
      return { decision: decideFrom(command, state), state, version };
    });
  };
  return {
    decide: async (_stream, command) => (await decideAll([command]))[0]!,
    decideAll,
    isAwake: () => false,
    bringUpTo: async () => {},
    state: (stream) => stateAsleep(log, stream),
    rebuild: () => {},
  };
}

/** States in the order of `streams`. Between pages, other work of the thread has its turn. Rejects with `OwnerUnavailable`. */
export async function statesAsleep(
  log: EventLog,
  streams: readonly StreamName[],
): Promise<readonly OwnerContext<unknown>[]> {
  if (streams.length <= PAGE) return pageAsleep(log, streams);
  const states: OwnerContext<unknown>[] = [];
  for (let from = 0; from < streams.length; from += PAGE) {
    states.push(...(await pageAsleep(log, streams.slice(from, from + PAGE))));
    await nextTurn();
  }
  return states;
}

async function pageAsleep(
  log: EventLog,
  streams: readonly StreamName[],
): Promise<readonly OwnerContext<unknown>[]> {
  try {
    return await log.statesOf(streams);
  } catch (error) {
    if (!(error instanceof EventUnreadable)) throw error;
    // One of the rows is damaged: the others are still read, and the damaged one is folded from its events.
    return Promise.all(streams.map((stream) => stateAsleep(log, stream)));
  }
}

export async function stateAsleep(log: EventLog, stream: StreamName): Promise<OwnerContext<unknown>> {
  try {
    const [row] = await log.statesOf([stream]);
    if (row !== undefined) return row;
  } catch (error) {
    if (!(error instanceof EventUnreadable)) throw error;
  }
  try {
    return await foldOf(log, stream);
  } catch (error) {
    if (!(error instanceof EventUnreadable)) throw error;
    throw new OwnerUnavailable(`the owner of ${stream} cannot be read: ${error.message}`, 1000);
  }
}

/** Folds the newest snapshot and the events since. */
export async function foldOf(log: EventLog, stream: StreamName): Promise<OwnerContext<unknown>> {
  const snapshot = await log.snapshot(stream);
  let state: unknown = snapshot?.state ?? null;
  let version: Version = snapshot?.version ?? 0;
  const scratch = new WeakSet();
  for (;;) {
    const page: readonly Recorded<SwitchyardEvent>[] = await log.readStream(stream, {
      from: version + 1,
      limit: PAGE,
    });
    for (const event of page) {
      state = evolveOwner(stream, state, event, scratch);
      version = event.version;
    }
    if (page.length < PAGE) return { state, version };
  }
}
