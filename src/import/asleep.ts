/** Owners of whom nobody is awake here: each is its row in the log. */
import { type Command, decideFrom, type Owners, streamOf } from '../../actors/index.ts';
import type { EventLog, StreamName } from '../../eventlog/index.ts';

export function asleepOver(log: EventLog): Owners {
  const decideAll = async (commands: readonly Command[]) => {
    const states = await log.statesOf(commands.map(streamOf));
    return commands.map((command, index) => {
      const { state, version } = states[index]!;
      return { decision: decideFrom(command, state), state, version };
    });
  };
  const state = async (stream: StreamName) => (await log.statesOf([stream]))[0]!;
  return {
    decide: async (_stream, command) => (await decideAll([command]))[0]!,
    decideAll,
    isAwake: () => false,
    settle: async () => {},
    state,
    rebuild: () => {},
  };
}
