/** An archive that puts another file in the log's place while a question is being answered. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LocalLog, openSqliteLog } from '../../eventlog/index.ts';
import { verifyAll } from '../../src/history/files/portion.ts';
import { LocalHistory, type OpenSources, roomOf, sourcesOf } from '../../src/history/index.ts';
import { type TempDirectory, tempDirectory } from '../support/temp-directory.ts';
import { archiveBefore } from './archived.ts';
import { withPools } from './past.ts';

// More than a portion of any reading holds.
const EVENTS = 1200;
const ALL = Array.from({ length: EVENTS }, (_, index) => index + 1);

let directory: TempDirectory;
let data: string;
let log: LocalLog;
let past: OpenSources;

beforeEach(async () => {
  directory = await tempDirectory();
  data = join(directory.path, 'data');
  log = openSqliteLog({ directory: data, now: Date.now });
  await log.together(() => withPools(log, EVENTS));
  past = sourcesOf(data, Date.now);
});
afterEach(async () => {
  past.close();
  await log.close();
  await directory[Symbol.asyncDispose]();
});

function verifying() {
  return verifyAll({}, roomOf(past.sources(), new AbortController().signal));
}

type Verifying = ReturnType<typeof verifying>;

async function until(steps: Verifying, checking: string): Promise<void> {
  for (let step = await steps.next(); ; step = await steps.next()) {
    if (step.done === true) expect.fail(`expected it to check ${checking}, found it done`);
    if (step.value.checking === checking) return;
  }
}

async function foundBy(steps: Verifying) {
  let step = await steps.next();
  while (step.done !== true) step = await steps.next();
  return step.value;
}

describe('a question under way while an archive swaps the file', () => {
  for (const checking of ['file', 'events', 'owners', 'rows']) {
    it(`is answered of the file it began with: verify at its ${checking}`, async () => {
      const steps = verifying();
      await until(steps, checking);
      await archiveBefore(log, data, 1001);
      expect(await foundBy(steps)).toMatchObject({ ok: true, events: EVENTS, findings: [] });
      expect(await foundBy(verifying())).toMatchObject({ ok: true, events: 200, findings: [] });
    });
  }

  it('finds every event once, forwards and backwards', async () => {
    for (const reverse of [false, true]) {
      const before = reverse ? 1101 : 1001;
      const pieces = new LocalHistory(past).pour('events', { reverse, limit: EVENTS });
      let text = (await pieces.next()).value as string;
      await archiveBefore(log, data, before);
      for await (const piece of pieces) text += piece;
      const positions = text
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { position: number }).position);
      expect(reverse ? positions.toReversed() : positions).toEqual(reverse ? ALL.slice(1000) : ALL);
    }
  });

  it('lets the former file go at its end', async () => {
    const { log: former, leave } = past.sources();
    leave?.();
    const history = new LocalHistory(past);
    const [first, second] = [1, 2].map(() => history.pour('events', { reverse: false, limit: EVENTS }));
    await first?.next();
    await second?.next();
    await archiveBefore(log, data, 1001);
    expect(await history.ask('points', {})).toBe(null);
    await first?.return(undefined);
    expect(former.position()).toBe(EVENTS);
    await second?.return(undefined);
    expect(() => former.position()).toThrow();
  });
});
