/**
 * How many connections the system has established for a listening socket that were not accepted yet. They are reset
 * when it is closed, unless the system hands them to another listener of the same port (net.ipv4.tcp_migrate_req).
 * Node does not expose the number; Linux does, in a file.
 */
import { closeSync, openSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import type { Server } from 'node:net';

// Listening sockets come first, at some 150 bytes a line: enough for four hundred.
const MOST_BYTES = 65_536;
// The kernel returns at most a page per read.
const PAGE_BYTES = 4096;
const TABLES = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];
const MIGRATES = '/proc/sys/net/ipv4/tcp_migrate_req';

/** Connections that would be reset if this listener were closed now; undefined: unknown. */
export function lostByClosing(server: Server): number | undefined {
  try {
    if (readFileSync(MIGRATES, 'latin1').trim() === '1') return 0;
  } catch {
    // An older kernel, or another system: it does not migrate connections.
  }
  try {
    const inode = inodeOf(server);
    return inode === undefined ? undefined : waitingFor(inode);
  } catch {
    return undefined;
  }
}

function inodeOf(server: Server): string | undefined {
  const handle: unknown = Reflect.get(server, '_handle');
  const fd: unknown = typeof handle === 'object' && handle !== null ? Reflect.get(handle, 'fd') : undefined;
  if (typeof fd !== 'number' || fd < 0) return undefined;
  return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
}

function waitingFor(inode: string): number | undefined {
  for (const table of TABLES) {
    const waiting = waitingIn(table, inode);
    if (waiting !== undefined) return waiting;
  }
  return undefined;
}

/** Reads only up to the listener's line: with thousands of connections all takes 1 ms, in which more arrive. */
function waitingIn(table: string, inode: string): number | undefined {
  const file = openSync(table, 'r');
  try {
    const bytes = Buffer.allocUnsafe(PAGE_BYTES);
    let rest = '';
    for (let length = 0; length < MOST_BYTES; ) {
      const read = readSync(file, bytes, 0, PAGE_BYTES, null);
      if (read === 0) return undefined;
      length += read;
      const lines = (rest + bytes.toString('latin1', 0, read)).split('\n');
      rest = lines.pop() ?? '';
      const waiting = queueOf(inode, lines);
      if (waiting !== undefined) return waiting;
    }
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** Fields: sl local remote state tx:rx timer retransmits uid timeout inode; a listener's rx is its accept queue. */
function queueOf(inode: string, lines: readonly string[]): number | undefined {
  for (const line of lines) {
    const fields = line.trim().split(/\s+/);
    if (fields[9] === inode) return Number.parseInt(fields[4]?.split(':')[1] ?? '', 16);
  }
  return undefined;
}
