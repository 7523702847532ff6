/** Sends commands to the desk, with the condition and the id from the request's headers. */
import {
  type Answer,
  type Command,
  type Desk,
  digestOf,
  type Present,
  streamOf,
} from '../../../actors/index.ts';
import type { Json } from '../../../eventlog/index.ts';
import type { Call } from '../http/call.ts';
import { absent, byOf, type Condition, conditionOf, ifVersion } from '../http/command-headers.ts';
import { rejected } from '../http/problem.ts';
import { type Done, receipt, removalReceipt } from '../http/receipt.ts';
import type { Reply } from '../http/reply.ts';

type Conditional = Extract<Command, { ifVersion?: number }>;

export type Wish = {
  readonly command: Conditional;
  /** As shown to a person: `domain example.com`. */
  readonly what: string;
  readonly exists: (present: Present) => boolean;
};

/**
 * `If-Match: *` is checked within the desk's turn, so that nothing can change in between; the owner checks all other
 * conditions itself.
 */
export async function put(call: Call, desk: Desk, wish: Wish): Promise<Reply> {
  const condition = conditionOf(call);
  if (condition.type === 'exists') return putIfPresent(call, desk, wish);
  return receipt(await desk.ask(conditioned(wish.command, condition), byOf(call)));
}

/** `gone`: makes the response once it is removed. */
export async function remove(
  call: Call,
  desk: Desk,
  wish: Omit<Wish, 'exists'>,
  gone: (answer: Done) => Reply | Promise<Reply> = removalReceipt,
): Promise<Reply> {
  const condition = conditionOf(call);
  const answer = await desk.ask(conditioned(wish.command, condition), byOf(call));
  if (answer.type === 'done') return gone(answer);
  const missing = answer.rejection.type.endsWith('_not_found');
  return missing && condition.type === 'exists' ? absent(wish.what) : rejected(answer.rejection);
}

// A rejection, so that nothing is stored under the command's key; the response has other words (`absent`).
const NOTHING_THERE = {
  type: 'rejected',
  rejection: { type: 'version_mismatch', detail: 'nothing there', expected: 1, found: 0, won: [] },
} as const;

async function putIfPresent(call: Call, desk: Desk, { command, what, exists }: Wish): Promise<Reply> {
  let missing = false;
  const digest = digestOf({ ifMatch: '*', command } as unknown as Json);
  const answer = await desk.carryOut(
    async (now) => {
      missing = !exists(await now.owners([streamOf(command)]));
      return missing ? NOTHING_THERE : { type: 'commands', commands: [command] };
    },
    byOf(call),
    digest,
  );
  return missing ? absent(what) : receipt(answer);
}

function conditioned(command: Conditional, condition: Condition): Command {
  return { ...command, ...ifVersion(condition) };
}

/** One command whose digest is of something steadier than the command, such as a delay instead of a deadline. */
export function askAs(desk: Desk, command: Command, call: Call, digest: Json): Promise<Answer> {
  const by = byOf(call);
  if (by.commandId === undefined) return desk.ask(command, by);
  return desk.carryOut(() => ({ type: 'commands', commands: [command] }), by, digestOf(digest));
}
