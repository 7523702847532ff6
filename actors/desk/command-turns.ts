/** Which turns a command needs: its owner's, and those of the pools that it names. */
import { poolStream, poolsOf } from '../../eventlog/index.ts';
import { streamOf } from '../owner/owned.ts';
import type { Command } from './command.ts';
import type { Turn } from './turns.ts';

/** A domain may only name a pool that exists, so the pool must not be removed meanwhile; many domains may be put at once. */
export function turnsFor(command: Command): Turn[] {
  const turns: Turn[] = [{ key: streamOf(command), mode: 'write' }];
  if (command.type === 'PutDomain')
    for (const pool of poolsOf(command.settings)) turns.push({ key: poolStream(pool), mode: 'read' });
  return turns;
}

/** Each turn once: to write if the owner is changed, to read if it is only named. */
export function turnsForAll(commands: readonly Command[]): Turn[] {
  const turns = new Map<string, Turn>();
  for (const command of commands) {
    for (const turn of turnsFor(command)) {
      if (turn.mode === 'write' || !turns.has(turn.key)) turns.set(turn.key, turn);
    }
  }
  return [...turns.values()];
}
