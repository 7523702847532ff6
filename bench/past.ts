/** `node bench/past.ts [EVENTS]`: how long the state of a past moment takes, of all and of one owner, and a difference. */
import { openSqliteLog } from '../eventlog/index.ts';
import { LocalHistory, type Moment, sourcesOf } from '../src/history/index.ts';
import { tempDirectory } from '../test/support/temp-directory.ts';
import { type Figures, latencies, record, wholeArgument } from './figures.ts';
import { fill, streamOf } from './filled-log.ts';
import { percentile } from './statistics.ts';

const events = wholeArgument(0, 1_000_000);
const QUESTIONS = 100;

await using directory = await tempDirectory();
const log = openSqliteLog({ directory: directory.path, now: Date.now });
await fill(log, events);
await log.close();

const past = sourcesOf(directory.path, Date.now);
const history = new LocalHistory(past);
const {
  wallMs: [pointsMs = 0],
} = await timed(1, () => history.ask('points', {}));
const all = await timed(QUESTIONS, (turn) => taken(history.pour('state', { at: moment(turn) })));
const one = await timed(QUESTIONS, (turn) =>
  taken(history.pour('state', { at: moment(turn), scope: [streamOf(turn)] })),
);
const differences = await timed(QUESTIONS, (turn) =>
  taken(history.pour('difference', { from: moment(turn), to: moment(turn * 7 + 3) })),
);
past.close();

await record('past', {
  events,
  'points of the past made, s': (pointsMs / 1000).toFixed(1),
  ...told('state --at', all),
  ...told('state --at, one owner', one),
  ...told('diff', differences),
});

async function taken(pieces: AsyncIterable<string>): Promise<void> {
  for await (const _piece of pieces);
}

/** All over the log, in no order. */
function moment(turn: number): Moment {
  return { type: 'position', position: 1 + ((turn * 7_919_993) % events) };
}

type Times = { readonly wallMs: readonly number[]; readonly coreMs: readonly number[] };

function told(what: string, { wallMs, coreMs }: Times): Figures {
  return { ...latencies(what, wallMs), [`${what} p50 ms on a core`]: percentile(coreMs, 50).toFixed(2) };
}

/** On a busy machine the time on a core says more than the clock. */
async function timed(turns: number, work: (turn: number) => Promise<unknown>): Promise<Times> {
  const wallMs: number[] = [];
  const coreMs: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    const began = performance.now();
    const before = process.cpuUsage();
    await work(turn);
    const { user, system } = process.cpuUsage(before);
    wallMs.push(performance.now() - began);
    coreMs.push((user + system) / 1000);
  }
  return { wallMs, coreMs };
}
