/** The system's limits for this process (getrlimit(2)), and what is left of them. */
import { readFileSync } from 'node:fs';

const KIB = 1024;

/** Undefined: there is none, or this system does not say. */
export function systemLimit(name: 'Max open files' | 'Max address space'): number | undefined {
  return numberIn('/proc/self/limits', name);
}

/** Bytes of addresses that may still be taken; Infinity: no limit is known. */
export function addressesLeft(): number {
  const most = systemLimit('Max address space');
  return most === undefined
    ? Number.POSITIVE_INFINITY
    : most - KIB * (numberIn('/proc/self/status', 'VmSize:') ?? 0);
}

/** The first number behind a name at the beginning of a line. */
function numberIn(file: string, name: string): number | undefined {
  try {
    const line = new RegExp(`^${name}\\s+(\\d+)`, 'm').exec(readFileSync(file, 'latin1'));
    return line?.[1] === undefined ? undefined : Number(line[1]);
  } catch {
    return undefined;
  }
}
