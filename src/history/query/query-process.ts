/** The program of the process for one query: killing it is the only way to end SQL that would never finish. */
import { writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { sourcesOf } from '../files/sources.ts';
import { giveWay } from '../give-way.ts';
import { roomOf } from '../room.ts';
import { sentError } from '../thread/sent-error.ts';
import { answerQuery } from './answer-query.ts';
import { MOST_MEGABYTES, type QueryOrder } from './query-wish.ts';

// The router is gone.
process.once('disconnect', () => process.exit());
goInTime();
// The same niceness as the history thread: requests come first.
giveWay(10);
goBeforeTheRouter();

process.once('message', async ({ place, wish }: QueryOrder) => {
  process.send?.({ type: 'begun' });
  const { sources, close } = sourcesOf(place, Date.now);
  try {
    const answer = await answerQuery(wish, roomOf(sources(), new AbortController().signal));
    process.send?.({ answer }, () => process.disconnect?.());
  } catch (error) {
    process.send?.({ error: sentError(error) }, () => process.disconnect?.());
  } finally {
    close();
  }
});

/**
 * SQLite may block this thread forever, a router that was killed cannot end this process, and SQLite's memory is not
 * part of Node's heap, which has a limit. So another thread checks whether the router still exists and how much memory
 * this process has.
 */
function goInTime(): void {
  const most = MOST_MEGABYTES * 1_048_576;
  const isTime = `process.ppid !== ${process.ppid} || process.memoryUsage.rss() > ${most}`;
  // 50 ms: SQLite fills some tens of MB meanwhile.
  const looking = `setInterval(() => (${isTime}) && process.kill(${process.pid}, 'SIGKILL'), 50)`;
  new Worker(looking, { eval: true, name: 'query-watch' }).unref();
}

/**
 * Linux kills the process with the highest score when memory runs out. Any process may raise its own; other systems
 * have none.
 */
function goBeforeTheRouter(): void {
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {}
}
