/**
 * The real router between clients and backends that both misbehave, while its control plane never rests:
 *   node bench/soak/proxy.ts [--seconds N] [--seed S] [--workers W] [--clients C]
 * What is going to happen follows from the seed; when it meets what, from the machine. Exits with 1 if anything came
 * back that is not explained, and prints it, the seed, and the last operations before it.
 */
import { parseArgs } from 'node:util';
import { pause } from '../../test/support/eventually.ts';
import { Aftermath } from './proxy/aftermath.ts';
import { atRest } from './proxy/at-rest.ts';
import { Book, Moments } from './proxy/book.ts';
import { ClientConnection, type Jar } from './proxy/client-connection.ts';
import { Control } from './proxy/control.ts';
import { firstCourses } from './proxy/courses.ts';
import { InForce } from './proxy/in-force.ts';
import { Judgement } from './proxy/judge.ts';

import { watchLedgers } from './proxy/ledger-watch.ts';
import { RouterLog } from './proxy/router-log.ts';
import { type Scene, setScene } from './proxy/scene.ts';
import { HASTY_MS, ROUGH_PERCENTS } from './proxy/tenants.ts';
import { visitsOf } from './proxy/visits.ts';
import { descriptorsOf, leastMemoryFor, MIB, mib, verdict } from './stage.ts';

// Growth is measured from the third fifth to the last: by then all that is kept for good has been made.
const WARM_UP = 0.4;
const WINDOW = 0.2;
const MOST_GROWTH = 96 * MIB;
const MOST_DESCRIPTORS = 24;
const ADMIN_CONNECTIONS = 16;
// A quarter of what the hasty tenants wait for: to accept, to read and to answer are turns of their own, and each may be slow.
const LAG_MS = HASTY_MS / 4;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    seed: { type: 'string', default: `${Math.floor(Math.random() * 1e6)}` },
    workers: { type: 'string', default: '2' },
    clients: { type: 'string', default: '40' },
  },
});
const [seconds, seed, workers, clients] = [values.seconds, values.seed, values.workers, values.clients].map(
  Number,
);
if (![seconds, seed, workers, clients].every((count) => Number.isInteger(count)))
  throw new Error(`expected whole numbers, found ${JSON.stringify(values)}`);

console.log(
  `node bench/soak/proxy.ts --seconds ${seconds} --seed ${seed} --workers ${workers} --clients ${clients}`,
);
const book = new Book();
const moments = new Moments();
const courses = firstCourses();
const budget = new InForce<number>(ROUGH_PERCENTS[1]);
const judgement = new Judgement(book, moments, courses, budget);

async function runClient(scene: Scene, client: number, isOver: () => boolean): Promise<number> {
  let visits = 0;
  const jar: Jar = { cookie: undefined };
  for (const visit of visitsOf(seed!, client)) {
    if (isOver()) break;
    const port = Number(scene.router.listeners[visit.listener]?.split(':').at(-1));
    const judge = (...seen: Parameters<Judgement['judge']>) => {
      // What came while it stood still is read before the timer that would note it.
      noteLag();
      judgement.judge(...seen);
    };
    const connection = new ClientConnection(port, visit, book, judge, jar, seed! + client * 1000 + visits++);
    await connection.run();
    // Nobody listens for a moment, where the only worker has crashed.
    if (!connection.isConnected) await pause(50);
  }
  return visits;
}

/** Notes when this process itself stood still: then its backends were silent against their plan. */
function noteLag(): void {
  const now = performance.now();
  if (now - lookedAtMs > LAG_MS) moments.add('lag', lookedAtMs, now);
  lookedAtMs = now;
}

await using scene = await setScene(workers!, book, moments);
const log = new RouterLog(scene.router.lines, book);
const control = new Control(
  scene,
  { book, moments, courses, budget, log },
  { seed: seed!, workers: workers! },
);
// All connections to the admin, and the thread that tells the past, are there before anything is counted.
await Promise.all(Array.from({ length: ADMIN_CONNECTIONS }, () => scene.admin.get('/v1/state?at=0')));
const before = await descriptorsOf(scene.router.pid);
let lookedAtMs = performance.now();
const lag = setInterval(noteLag, LAG_MS / 10);
const lastsMs = seconds! * 1000;
const until = performance.now() + lastsMs;
const controlled = control.run();
const watched = watchLedgers(scene.admin, book, () => performance.now() > until);
const memoryFrom = async (part: number) => {
  await pause(lastsMs * part);
  return leastMemoryFor(scene.router.pid, lastsMs * WINDOW);
};
const memory = Promise.all([memoryFrom(WARM_UP), memoryFrom(1 - WINDOW)]);
const visits = await Promise.all(
  Array.from({ length: clients! }, (_, client) => runClient(scene, client, () => performance.now() > until)),
);
const lastAtMs = performance.now();
control.stop();
clearInterval(lag);
await controlled;
await watched;
const leftAtMs = performance.now();
await new Aftermath(scene, book, moments, log).check();
const after = await descriptorsOf(scene.router.pid);
const [warm, late] = await memory;
const growth = late - warm;
if (growth > MOST_GROWTH) book.complain(`expected growth below ${mib(MOST_GROWTH)}, found ${mib(growth)}`);
if (after > before + MOST_DESCRIPTORS) book.complain(`expected about ${before} descriptors, found ${after}`);
const checkedAtMs = performance.now();
await atRest(scene, book);
console.log(JSON.stringify(Object.fromEntries([...judgement.ends].toSorted())));
console.log(JSON.stringify(Object.fromEntries([...control.commands.done].toSorted())));
verdict(book.complaints.length === 0, {
  seed: seed!,
  seconds: seconds!,
  workers: workers!,
  connections: visits.reduce((sum, count) => sum + count, 0),
  requests: book.asked.size,
  logged: log.requests,
  complaints: book.complaints.length,
  lateMs: Math.round(lastAtMs - until),
  controlledInMs: Math.round(leftAtMs - lastAtMs),
  checkedInMs: Math.round(checkedAtMs - leftAtMs),
  stoppedInMs: Math.round(performance.now() - checkedAtMs),
  growth: mib(growth),
  moreDescriptors: after - before,
});
