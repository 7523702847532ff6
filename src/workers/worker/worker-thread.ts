/** The program of a worker thread: it routes until it is told to drain, or fails. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { attachArena } from '../../../actors/index.ts';
import { RingProducer } from '../../../eventlog/index.ts';
import { SharedHeadcount } from '../../proxy/index.ts';
import { RequestJournal } from '../../telemetry/request-journal.ts';
import { RoutingThread } from '../routing-thread.ts';
import { NameIndex } from '../table/name-index.ts';
import { isPacked } from '../table/publication.ts';
import { Subscription } from '../table/publisher.ts';
import type { Boot, FromWorker, ToWorker } from './messages.ts';

const HEARTBEAT_MS = 500;
const PAUSE_MS = 1;

const boot = workerData as Boot;
const parent = parentPort;
if (parent === null) throw new Error('worker-thread.ts is the program of a worker thread');

const tell = (message: FromWorker) => parent.postMessage(message);
const neighbours = new Map<number, MessagePort>();

const ledger = attachArena(boot.ledger, boot.thread, (thread) => {
  if (thread === 0) tell({ type: 'bell' });
  else neighbours.get(thread)?.postMessage(null);
});

const names = new NameIndex(boot.names);

const routing = new RoutingThread({
  ...boot,
  names,
  ledger,
  journal: requestJournal(),
  headcount: boot.headcount && new SharedHeadcount(boot.headcount, boot.thread),
  report: (report) => tell({ type: 'report', report }),
  wake: (pool) => tell({ type: 'wake', pool }),
  warn: (message) => tell({ type: 'warning', message }),
  writeLog: (text) => tell({ type: 'log', text }),
});
const { table, plane } = routing;

const feed = new Subscription(
  boot.feed,
  (publication) => (isPacked(publication) ? table.applyPacked(publication) : table.apply(publication)),
  () => {
    tell({ type: 'warning', message: 'a publication was missed: what is held is read anew' });
    table.distrust();
  },
);
routing.load({ isLevel: () => names.published === feed.seen, pause: () => feed.await(PAUSE_MS) });
table.follow(() => feed.catchUp());

let isDraining = false;
const heartbeat = setInterval(() => {
  Atomics.store(boot.heartbeat, 1, plane.counters.inFlight);
  Atomics.add(boot.heartbeat, 0, 1);
}, HEARTBEAT_MS);

parent.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'neighbour':
      neighbours.set(message.thread, message.port);
      message.port.on('message', () => plane.deliver());
      return;
    case 'neighbour gone':
      neighbours.get(message.thread)?.close();
      neighbours.delete(message.thread);
      return;
    case 'bell':
      plane.deliver();
      return;
    case 'awake':
      plane.awake(message.pool);
      return;
    case 'metrics':
      tell({ type: 'metrics', id: message.id, snapshot: plane.metrics() });
      return;
    case 'ending':
      plane.announceEnd();
      return;
    case 'drain':
      void drain(message.withinMs, message.idleMs);
      return;
    case 'fail request':
      plane.crashRequest(new Error(message.message));
      return;
    case 'stall':
      for (;;) Atomics.wait(boot.heartbeat, 0, Atomics.load(boot.heartbeat, 0));
    case 'fail':
      throw new Error(message.message);
  }
});

function requestJournal(): RequestJournal | undefined {
  const { journal, thread } = boot;
  if (journal === undefined) return undefined;
  return new RequestJournal(new RingProducer(journal.shared, thread), journal.queryStrings);
}

/** Called again, it sets the times anew. */
async function drain(withinMs: number, idleMs: number | undefined): Promise<void> {
  if (isDraining) {
    void plane.drain(withinMs, idleMs);
    return;
  }
  isDraining = true;
  await plane.acceptWaiting();
  // A farewell is only wanted if another thread takes over.
  if (idleMs !== undefined) tell({ type: 'farewell', farewell: plane.stopAccepting() });
  const cut = await plane.drain(withinMs, idleMs);
  clearInterval(heartbeat);
  tell({ type: 'over', cut, snapshot: plane.metrics() });
  routing.close();
  boot.feed.port.close();
  for (const port of neighbours.values()) port.close();
  parent?.close();
}

tell({ type: 'ready', addresses: await routing.listen() });
