/**
 * Hands over to another process, in one call that lasts until the handover: the other process states what it wants,
 * one line of JSON each, and is told when it has it. If the call ends before the place is given, what was released is
 * taken back.
 *
 *   ▶ want list   ◀ given list: what this process holds   ▶ want room   ◀ given   ▶ want place   ◀ given
 *
 * In place of any of them: withdrawn, and why.
 */
import { setTimeout as later, setImmediate as turn } from 'node:timers/promises';
import { cutLines } from '../../import/index.ts';
import type { Call } from '../http/call.ts';
import { Refused } from '../http/problem.ts';
import { count } from '../http/query.ts';
import type { Outlet, Reply } from '../http/reply.ts';
import type { AdminPorts } from '../ports.ts';
import type { Succession } from '../succession.ts';

// More than any system has.
const MOST_PID = 2 ** 31;
// An hour between two wants: meanwhile the other process reads the whole log, perhaps from a slow disk. If that process
// dies, its call ends.
const START_MS = 3_600_000;
// 20 ms, because a place that is given cannot be taken back; connections are still accepted meanwhile.
const HEARD_MS = 20;
// Where others have the processor, that passes without a turn of the loop; its end is heard in two of them.
const HEARD_TURNS = 10;

export async function postTakeover(call: Call, { successions }: AdminPorts): Promise<Reply> {
  const pid = count(call, 'pid', { min: 1, max: MOST_PID });
  if (pid === undefined)
    throw new Refused('invalid_query', 'pid: expected that of the process that asks, found none');
  const directory = call.query.get('directory');
  if (directory === undefined || directory !== successions.directory) {
    const detail = `expected process ${pid} to serve the same data directory as this router, found that it serves another`;
    throw new Refused('takeover_elsewhere', detail);
  }
  if (successions.pid !== undefined) {
    const detail = `expected one process at a time to take over, found process ${successions.pid} at it`;
    throw new Refused('takeover_under_way', detail, { headers: { 'retry-after': '1' } });
  }
  const succession = successions.begin(pid);
  return {
    type: 'stream',
    status: 200,
    headers: { 'content-type': 'application/x-ndjson' },
    isReading: true,
    isEndless: true,
    pour: (outlet) => pour(succession, cutLines(call.bytes(START_MS), 1), outlet),
  };
}

type Lines = ReturnType<typeof cutLines>;
type Want = 'list' | 'room' | 'place';

async function pour(succession: Succession, lines: Lines, outlet: Outlet): Promise<void> {
  const say = (line: object) => outlet.write(`${JSON.stringify(line)}\n`);
  try {
    for (let want = await next(lines, outlet); want !== undefined; want = await next(lines, outlet)) {
      if (want === 'place' && (await isGone(outlet))) return;
      await say({ given: want, ...(await given(want, succession)) });
      if (want === 'place') return;
    }
  } catch (error) {
    await say({ withdrawn: (error as Error).message });
  } finally {
    succession.end();
  }
}

async function given(want: Want, succession: Succession): Promise<object> {
  switch (want) {
    case 'list':
      return { held: succession.held };
    case 'room':
      await succession.makeRoom();
      return {};
    case 'place':
      await succession.givePlace();
      return {};
  }
}

/** Undefined: the other process wants nothing more, or this process is ending. */
async function next(lines: Lines, { signal }: Outlet): Promise<Want | undefined> {
  const ended = Promise.withResolvers<undefined>();
  const end = () => ended.resolve(undefined);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    const line = (await Promise.race([lines.next(), ended.promise]))?.value?.[0]?.text;
    return line === undefined ? undefined : wantOf(line);
  } finally {
    signal.removeEventListener('abort', end);
  }
}

/**
 * If this process was stalled, the other one may have given up; the end of its call is noticed a few turns after its
 * last line.
 */
async function isGone({ signal }: Outlet): Promise<boolean> {
  await later(HEARD_MS);
  for (let turns = 0; turns < HEARD_TURNS && !signal.aborted; turns++) await turn();
  return signal.aborted;
}

const WANTS: ReadonlyMap<string, Want> = new Map(
  (['list', 'room', 'place'] as const).map((want) => [JSON.stringify({ want }), want]),
);

function wantOf(line: string): Want {
  const want = WANTS.get(line);
  if (want !== undefined) return want;
  throw new Error(`expected one of ${[...WANTS.keys()].join(', ')}, found ${line.slice(0, 100)}`);
}
