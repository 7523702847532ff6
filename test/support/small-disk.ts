/** A disk of a few megabytes, mounted in memory, to be filled. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';

/** Unmounted when the test is over; undefined where this machine lets nobody mount. */
export function smallDisk(at: string, mebibytes = 4): Disposable | undefined {
  mkdirSync(at);
  const options = `size=${mebibytes}m,mode=0700`;
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', at]).status !== 0) return undefined;
  return { [Symbol.dispose]: () => void spawnSync('umount', ['--lazy', at]) };
}

/** Until nothing more fits on the disk where it lies, but what is left. */
export function fill(path: string, leftBytes = 0): void {
  for (let bytes = 4 << 20; bytes >= 4096; bytes >>= 1) {
    for (;;) {
      try {
        writeFileSync(path, Buffer.alloc(bytes), { flag: 'a' });
      } catch {
        break;
      }
    }
  }
  if (leftBytes > 0) truncateSync(path, statSync(path).size - leftBytes);
}
