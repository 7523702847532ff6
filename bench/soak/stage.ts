/** What every soak stands on: the real command over a backend in this process, and what the router costs meanwhile. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RouterProcess, startRouter } from '../../test/support/router-process.ts';

export const HOST = 'soak.test';
export const MIB = 1_048_576;

/** Errors in the router's log that chaos makes on purpose: it says so itself, and so does whoever was at work with what crashed. */
export const MADE_TO_FAIL =
  /Sabotage|was made to fail|cannot be undone yet|the thread of history to answer, found it lost/;

/** One router over one backend port; its directory goes with it. */
export async function onStage<T>(
  backendPort: number,
  run: (router: RouterProcess) => Promise<T>,
  listener: object = {},
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'soak-'));
  const router = await startRouter({
    directory,
    listen: [],
    args: ['--workers', '1'],
    config: {
      accessLog: false,
      listeners: [{ address: '127.0.0.1:0', ...listener }],
      pools: { soak: { backends: { 'web.1': { address: `127.0.0.1:${backendPort}` } } } },
      domains: { [HOST]: { pool: 'soak' } },
    },
  });
  try {
    return await run(router);
  } finally {
    await router.kill();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Resident memory of a process in bytes, as Linux tells it. */
export async function memoryOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

export async function descriptorsOf(pid: number): Promise<number> {
  return (await readdir(`/proc/${pid}/fd`)).length;
}

/** The most memory seen while something runs, beyond what there was before. */
export async function growthDuring(pid: number, run: () => Promise<void>): Promise<number> {
  const before = await memoryOf(pid);
  let most = before;
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      most = Math.max(most, await memoryOf(pid));
      await sleep(20);
    }
  })();
  await run();
  isOver = true;
  await watching;
  return most - before;
}

/** The least memory seen for `ms`: without threads that come and go, and what has just been read. */
export async function leastMemoryFor(pid: number, ms: number): Promise<number> {
  let least = await memoryOf(pid);
  for (const end = performance.now() + ms; performance.now() < end; await sleep(100))
    least = Math.min(least, await memoryOf(pid));
  return least;
}

export function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

/** The last word of a soak: what was reached, and whether that is enough. */
export function verdict(isEnough: boolean, figures: Readonly<Record<string, string | number>>): void {
  console.log(JSON.stringify({ verdict: isEnough ? 'held' : 'failed', ...figures }));
  process.exitCode = isEnough ? 0 : 1;
}

/** The number behind the script's name, or the default. */
export function countFrom(fallback: number): number {
  const text = process.argv[2];
  if (text === undefined) return fallback;
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new Error(`expected a count, found ${text}`);
}
