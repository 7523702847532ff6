/** `confirm`: keeps a change on trial; without an id, lists those on trial. */
import { renderTime } from '../../../eventlog/index.ts';
import { anything, trials } from '../transport/replies.ts';
import { CHANGE_OPTIONS, type Context, type ExitCode, type Verb } from '../verb.ts';

export const confirmVerb: Verb = {
  name: 'confirm',
  positionals: ['[ID]'],
  summary: 'keeps a change made by apply --confirm-within; without ID lists it',
  options: CHANGE_OPTIONS,
  run,
};

async function run({ args, admin, print }: Context): Promise<ExitCode> {
  const client = await admin();
  const id = args.positionals[0];
  if (id !== undefined) {
    const kept = await client.ask({ method: 'POST', path: ['v1', 'confirm'], body: { id } }, anything);
    if (print.json) await print.value(kept);
    else await print.line(`${id} confirmed`);
    return 0;
  }
  const found = await client.ask({ method: 'GET', path: ['v1', 'confirmations'] }, trials);
  if (print.json) await print.value(found.items);
  else if (found.items.length === 0) await print.line('nothing is on trial');
  else
    for (const { id, untilMs, before } of found.items)
      await print.line(`${id}  will be undone, back to position ${before}, at ${renderTime(untilMs)}`);
  return 0;
}
