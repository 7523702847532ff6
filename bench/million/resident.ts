/** Memory of a process. */
import { readFileSync } from 'node:fs';

/** Resident set of the process with all its threads, files that it shares with others included, as the system counts it. */
export function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024);
}
