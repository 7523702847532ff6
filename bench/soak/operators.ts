/**
 * A dozen operators at once, who change, show, try, import, roll back, undo, search and prove whatever they like, on a router whose
 * actors and threads crash, and which is killed or taken over every few seconds:
 *   node bench/soak/operators.ts [--seconds N] [--seed S] [--workers W] [--by crash,kill,take-over]
 * Whatever was answered must be so at the position that was told, then and after every restart. Exits with 1 otherwise.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { AdminClient } from '../../test/support/admin-client.ts';
import { type RouterProcess, startRouter } from '../../test/support/router-process.ts';
import { tempDirectory } from '../../test/support/temp-directory.ts';
import { deedsOf } from './operators/deeds.ts';
import { Operator } from './operators/operator.ts';
import { Past } from './operators/past.ts';
import { MADE_TO_FAIL, verdict } from './stage.ts';

const OPERATORS = 12;
const EVERY_MS = 4000;
const SEEN_AGAIN = 12;
// The last words of a process that was left, and connections that it closes.
const AFTER_MS = 500;
const MOST_SHOWN = 5;
const TROUBLES = ['crash', 'kill', 'take-over'];

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    seed: { type: 'string', default: `${Math.floor(Math.random() * 1e6)}` },
    workers: { type: 'string', default: '1' },
    by: { type: 'string', default: TROUBLES.join(',') },
  },
});
const [seconds, seed, workers] = [values.seconds, values.seed, values.workers].map(Number);
const troubles = values.by.split(',').filter((trouble) => trouble !== '');
if (![seconds, seed, workers].every(Number.isInteger) || !troubles.every((each) => TROUBLES.includes(each)))
  throw new Error(
    `expected whole numbers and of ${TROUBLES.join(', ')} some, found ${JSON.stringify(values)}`,
  );
console.log(
  `node bench/soak/operators.ts --seconds ${seconds} --seed ${seed} --workers ${workers} --by ${values.by}`,
);

const complaints: string[] = [];
const counts = new Map<string, number>();
const count = (what: string) => void counts.set(what, (counts.get(what) ?? 0) + 1);
const complain = (what: string) => void complaints.push(what);
const past = new Past();
const crashes = troubles.includes('crash');
const replacements = troubles.filter((trouble) => trouble !== 'crash');
/** The process is being replaced. */
let isChanging = false;

await using directory = await tempDirectory();
const files = join(directory.path, 'archives');
await mkdir(files);
let router = await begun('127.0.0.1:0');
const { admin: address } = router;
await using admin = new AdminClient(address);
const isTroubled = () => crashes || isChanging;
const operator = new Operator({
  admin,
  files,
  past,
  isTroubled,
  isCut: () => isChanging,
  count,
  complain,
});
const until = performance.now() + seconds! * 1000;

async function begun(at: string, args: readonly string[] = []): Promise<RouterProcess> {
  const all = ['--workers', String(workers), ...(crashes ? ['--chaos'] : []), ...args];
  return startRouter({ directory: directory.path, admin: at, args: all, config: { accessLog: false } });
}

async function work(number: number): Promise<void> {
  const deeds = deedsOf(seed! + number * 1_000_003, crashes);
  while (performance.now() < until) await operator.do(deeds.next().value!);
}

async function replaced(how: string): Promise<void> {
  const former = router;
  isChanging = true;
  if (how === 'kill') await former.kill();
  router = await begun(address, how === 'kill' ? [] : ['--take-over']);
  if (how !== 'kill' && (await former.ended).code !== 0)
    complain(`the former process: ${former.output().slice(-2000)}`);
  expectCalm(former);
  await sleep(AFTER_MS);
  isChanging = false;
  count(how);
  for (const { position, state } of past.some(SEEN_AGAIN)) {
    const again = await operator.stateAt(position);
    if (again !== undefined && !isDeepStrictEqual(again, state))
      complain(
        `after ${how}: expected at ${position} ${JSON.stringify(state)}, found ${JSON.stringify(again)}`,
      );
  }
}

async function replaceAll(): Promise<void> {
  for (let turn = 0; replacements.length > 0 && performance.now() + EVERY_MS < until; turn++) {
    await sleep(EVERY_MS);
    await replaced(replacements[turn % replacements.length]!);
  }
}

function expectCalm(of: RouterProcess): void {
  for (const line of of.output().split('\n'))
    if (/"level":"(?:error|fatal)"/.test(line) && !MADE_TO_FAIL.test(line))
      complain(`the log: ${line.slice(0, 1500)}`);
}

const working = Array.from({ length: OPERATORS }, (_, number) => work(number));
await Promise.all([...working, replaceAll()]);
await operator.do({ do: 'prove', by: 'verify' });
await operator.do({ do: 'prove', by: 'replay' });
const { code } = await router.stop();
if (code !== 0) complain(`expected the router to end with 0, found ${code}`);
expectCalm(router);
console.log(JSON.stringify(Object.fromEntries([...counts].toSorted())));
for (const what of complaints.slice(0, MOST_SHOWN)) console.log(what.slice(0, 3000));
verdict(complaints.length === 0, {
  seed: seed!,
  seconds: seconds!,
  workers: workers!,
  calls: [...counts.values()].reduce((sum, each) => sum + each, 0),
  replaced: replacements.reduce((sum, how) => sum + (counts.get(how) ?? 0), 0),
  complaints: complaints.length,
});
