/** The system's limits for this process (getrlimit(2)), and what is left of them. */
import { readFileSync } from 'node:fs';

const KIB = 1024;

/** Undefined: no limit, or unknown on this system. */
export function systemLimit(name: 'Max open files' | 'Max address space'): number | undefined {
  return numberIn('/proc/self/limits', name);
}

/** Bytes of address space left; Infinity: no limit is known. */
export function addressesLeft(): number {
  const most = systemLimit('Max address space');
  return most === undefined
    ? Number.POSITIVE_INFINITY
    : most - KIB * (numberIn('/proc/self/status', 'VmSize:') ?? 0);
}

/** The first number after a name at the start of a line. */
function numberIn(file: string, name: string): number | undefined {
  try {
    const line = new RegExp(`^${name}\\s+(\\d+)`, 'm').exec(readFileSync(file, 'latin1'));
    return line?.[1] === undefined ? undefined : Number(line[1]);
  } catch {
    return undefined;
  }
}
