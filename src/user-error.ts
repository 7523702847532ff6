/**
 * What keeps a router from running: if a user can fix it, one or a few lines; anything else is our mistake and keeps
 * its stack.
 */
import { DataUnusable, LogUnavailable } from '../eventlog/index.ts';
import { AdminUnavailable } from './admin/index.ts';
import { CommandFailed } from './cli/index.ts';
import { AddressUnavailable, takenSince } from './router/claim-listeners.ts';
import { ConfigRefused } from './router/first-routing.ts';
import { LimitTooLow } from './router/system-limits.ts';

const ELSEWHERE = 'other addresses are chosen with --listen and --admin, or in the config file';

/** Also searches the causes of the error. Undefined if a user cannot fix it. */
export function userErrorOf(error: unknown): CommandFailed | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof CommandFailed) return cause;
    const address = cause instanceof AddressUnavailable ? cause : takenSince(cause);
    if (address !== undefined) return new CommandFailed([address.message, ELSEWHERE]);
    if (
      cause instanceof DataUnusable ||
      cause instanceof LogUnavailable ||
      cause instanceof AdminUnavailable ||
      cause instanceof LimitTooLow ||
      cause instanceof ConfigRefused
    ) {
      return new CommandFailed([cause.message]);
    }
  }
  return undefined;
}
