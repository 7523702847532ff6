/**
 * What the operating system says a process has used, with all its threads and all its descendants: nginx is a
 * master and workers, ours is one process of several threads, and both are measured whole.
 *
 * Two sources: `schedstat` counts nanoseconds on a core, per living thread; `stat` counts ticks of 10 ms, per
 * process, threads that ended included. The first is finer, the second misses nothing; they are both recorded,
 * and `schedstat` is what ratios are made of, unless threads ended in between (then it would go backwards).
 */
import { readdirSync, readFileSync } from 'node:fs';

export type CpuTime = {
  /** From schedstat, all living threads; undefined where the kernel keeps none. */
  readonly scheduledNs: number | undefined;
  /** From stat, in ticks of 10 ms, threads that have ended included. */
  readonly tickNs: number;
  /** Ids of the threads counted, to see whether any ended between two readings. */
  readonly threads: ReadonlySet<string>;
};

// _SC_CLK_TCK is 100 on every Linux this runs on.
const NS_PER_TICK = 10_000_000;

export function cpuTimeOf(pid: number): CpuTime {
  const threads = new Set<string>();
  let tickNs = 0;
  let scheduledNs: number | undefined = 0;
  for (const each of familyOf(pid)) {
    const fields = statOf(each);
    tickNs += (Number(fields[11]) + Number(fields[12])) * NS_PER_TICK;
    for (const thread of entries(`/proc/${each}/task`)) {
      const ran = firstNumber(`/proc/${each}/task/${thread}/schedstat`);
      scheduledNs = ran === undefined || scheduledNs === undefined ? undefined : scheduledNs + ran;
      threads.add(`${each}/${thread}`);
    }
  }
  return { scheduledNs, tickNs, threads };
}

/** Nanoseconds on a core of those threads of one process whose names fit. */
export function schedulingOf(pid: number, name: RegExp): number {
  let ns = 0;
  for (const thread of entries(`/proc/${pid}/task`)) {
    if (name.test(read(`/proc/${pid}/task/${thread}/comm`).trim()))
      ns += firstNumber(`/proc/${pid}/task/${thread}/schedstat`) ?? 0;
  }
  return ns;
}

/** Nanoseconds between two readings, and which source they come from. */
export function cpuBetween(
  before: CpuTime,
  after: CpuTime,
): { readonly ns: number; readonly source: 'schedstat' | 'stat' } {
  const ended = [...before.threads].some((thread) => !after.threads.has(thread));
  if (before.scheduledNs === undefined || after.scheduledNs === undefined || ended) {
    return { ns: after.tickNs - before.tickNs, source: 'stat' };
  }
  return { ns: after.scheduledNs - before.scheduledNs, source: 'schedstat' };
}

/** Bytes of user memory that are this process's alone, descendants included. */
export function privateBytesOf(pid: number): number {
  let kilobytes = 0;
  for (const each of familyOf(pid)) {
    const rollup = read(`/proc/${each}/smaps_rollup`);
    for (const [, amount] of rollup.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+) kB$/gm)) {
      kilobytes += Number(amount);
    }
  }
  return kilobytes * 1024;
}

/** The process and all below it. */
function familyOf(pid: number): readonly number[] {
  const childrenOf = new Map<number, number[]>();
  for (const entry of entries('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = Number(statOf(Number(entry))[1]);
    childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), Number(entry)]);
  }
  const family = [pid];
  for (const member of family) family.push(...(childrenOf.get(member) ?? []));
  return family;
}

/** Fields of `stat` from the third (state) on; the second may hold spaces and parentheses. */
function statOf(pid: number): readonly string[] {
  const stat = read(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function firstNumber(path: string): number | undefined {
  const text = read(path);
  return text === '' ? undefined : Number(text.slice(0, text.indexOf(' ')));
}

// A process may end between being listed and being read: then it has used nothing since.
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function entries(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
