/** `workers replace`: replaces the routing threads, one after the other. */

import { renderTable } from '../render/table.ts';
import { replaced } from '../transport/replies.ts';
import { ADMIN_OPTIONS, type Context, type ExitCode, type Verb } from '../verb.ts';

export const workersVerb: Verb = {
  name: 'workers replace',
  positionals: [],
  summary: 'replaces the worker threads one by one, without failing established connections',
  options: {
    worker: { value: 'N', description: 'only worker N, numbered as in `actors`' },
    wait: { description: 'wait until the old threads are done, at most drainMs' },
    ...ADMIN_OPTIONS,
  },
  run,
};

const HEADER = ['worker', 'ready in ms', 'connections kept', 'lost unaccepted', 'cut'];

async function run({ args, admin, print }: Context): Promise<ExitCode> {
  const worker = args.count('worker', 1, 4095);
  const client = await admin();
  const headers = args.flag('wait') ? { prefer: 'wait' } : {};
  const body = worker === undefined ? {} : { worker };
  const answer = await client.ask(
    // Each worker has to start, and the one it replaces may have to end first.
    { method: 'POST', path: ['v1', 'workers', 'replace'], body, headers, patient: true },
    replaced,
  );
  if (print.json) await print.value(answer.replaced);
  else
    await print.lines(
      renderTable(
        HEADER,
        answer.replaced.map((one) => [
          one.worker,
          one.readyInMs,
          one.connections,
          one.lost ?? 'unknown',
          one.cut ?? (args.flag('wait') ? 'goes on' : undefined),
        ]),
      ),
    );
  return 0;
}
