/** Changes on trial as they are found in a log. */
import { expect, it } from 'vitest';
import { openSqliteLog } from '../../../eventlog/index.ts';
import { CONFIRMED, ON_TRIAL, trialsIn, UNDONE } from '../../../src/history/undo/trial.ts';
import { append, domainCreated, domainOf, write } from '../../eventlog/appends.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

it('those that are not decided are found among thousands that are', async () => {
  await using directory = await tempDirectory();
  await using log = openSqliteLog({ directory: directory.path, now: Date.now });
  const ids = Array.from({ length: 2001 }, (_, number) => `${number}`.padStart(12, '0'));
  const open = [ids[0]!, ids[1000]!, ids[2000]!];
  const command = (commandId: string, answer: object) =>
    log.append(append([], { commandId, answer: answer as never }));
  await log.append(append([write(domainOf('a.test'), 0, [domainCreated()])]));
  await Promise.all(
    ids.flatMap((id, number) => [
      command(ON_TRIAL + id, { note: { untilMs: number, before: 0 } }),
      ...(open.includes(id) ? [] : [command((number % 2 === 0 ? CONFIRMED : UNDONE) + id, {})]),
    ]),
  );
  expect((await log.commands(ON_TRIAL)).map(({ commandId }) => commandId)).toEqual(
    ids.map((id) => ON_TRIAL + id),
  );
  expect([...trialsIn(log.reader)].map(({ id }) => id)).toEqual(open);
});
