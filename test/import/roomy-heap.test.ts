/** How large the nurseries of threads are, in a process that was started with tight ones. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

// A thread fills its nursery with what lives, and says how large that has become, in MiB.
const PROGRAM = `
import { Worker } from 'node:worker_threads';
import { withRoomyNursery } from ${JSON.stringify(new URL('../../src/import/roomy-heap.ts', import.meta.url).href)};

const THREAD = \`
  import { getHeapSpaceStatistics } from 'node:v8';
  import { parentPort } from 'node:worker_threads';
  const kept = Array.from({ length: 400_000 }, (_, at) => ({ at }));
  const nursery = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
  parentPort.postMessage([Math.round(nursery.space_size / 2 ** 20), kept.length]);
\`;
const thread = () => new Worker(THREAD, { eval: true });
const nursery = (worker) => new Promise((resolve) => worker.once('message', ([size]) => resolve(size)));

const sizes = [await nursery(thread()), await nursery(withRoomyNursery(thread)), await nursery(thread())];
try {
  withRoomyNursery(() => {
    throw new Error('no thread is left');
  });
} catch {}
sizes.push(await nursery(thread()));
console.log(JSON.stringify(sizes));
`;

it('is roomy for one thread, and tight for all others, also where that one could not be made', async () => {
  const flags = ['--max-semi-space-size=2', '--input-type=module'];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, '--eval', PROGRAM]);
  const [before, roomy, after, afterFailing] = JSON.parse(stdout);
  // When a nursery grows is a matter of the moment, but not how far: some 4 and 11.
  expect(roomy).toBeGreaterThan(2 * Math.max(before, after, afterFailing));
});
