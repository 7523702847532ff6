/** Puts the config file's routing in force before anything listens: on an empty log, or if requested. */
import { type Desk, digestOf, type Plan } from '../../actors/index.ts';
import type { EventLog } from '../../eventlog/index.ts';
import { difference, EMPTY_ROUTING, type Routing } from '../config/index.ts';
import { commandsOf, planFor } from '../plan/index.ts';

/** The routing of the config file cannot be put in force. */
export class ConfigRefused extends Error {
  override readonly name = 'ConfigRefused';
}

/** Whether a start failed because of the config. If so, one line tells the user, and nothing counts as a crash. */
export function isForConfig(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (cause instanceof ConfigRefused) return true;
  return false;
}

/** `unapplied`: the log already has events, and they determine what is in force. */
export async function putInForce(
  wished: Routing,
  { desk, log }: { readonly desk: Desk; readonly log: EventLog },
  evenIfNotEmpty: boolean,
): Promise<'applied' | 'unapplied'> {
  const isEmpty = (await log.position()) === 0;
  if (!isEmpty && !evenIfNotEmpty) return 'unapplied';
  // The log is empty, so a mistake in the file cannot remove anything, whatever its size.
  const everything: Plan = () => ({
    type: 'commands',
    commands: commandsOf(difference(EMPTY_ROUTING, wished), wished),
  });
  const plan = isEmpty ? everything : planFor(wished, 0);
  const answer = await desk.carryOut(plan, { author: 'serve' }, digestOf('serve'));
  if (answer.type === 'done') return 'applied';
  const { type, detail } = answer.rejection;
  const whose = type === 'too_many_removals' ? ' (a flag of switchyard apply)' : '';
  throw new ConfigRefused(`the config file is not applied: ${detail}${whose}`);
}
