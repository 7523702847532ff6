/**
 * Reads an accepted socket into our own memory. Node offers this (`onread`) for outgoing sockets only; an accepted
 * socket has the same three fields, which this file fills in. If they are not as expected, it does nothing and says
 * so, and the caller listens to `data` instead.
 *
 * The reason: `data` allocates 64 KiB per read and returns most of it. That costs 2 to 3 µs per request when relaying
 * bytes in both directions (17.7 → 15.6 µs), and lets an upload of any size grow the process by the 64 MB of external
 * garbage that V8 tolerates.
 */
import type { Socket } from 'node:net';

type Fields = { readonly buffer: symbol; readonly callback: symbol; readonly next: symbol };
type Keyed = Record<symbol, unknown>;

let known: Fields | 'none' | undefined;

/**
 * True: from now on `received` gets every read, with the socket as `this`. Reads go to `first` until `readInto` names
 * another buffer.
 */
export function ownReads(
  socket: Socket,
  first: Buffer,
  received: (this: Socket, length: number, buffer: Buffer) => boolean,
): boolean {
  known ??= fieldsOf(socket);
  if (known === 'none') return false;
  const handle: unknown = Reflect.get(socket, '_handle');
  const keyed = socket as unknown as Keyed;
  if (!hasUserBuffer(handle) || keyed[known.buffer] !== null) return false;
  keyed[known.buffer] = first;
  keyed[known.callback] = received;
  handle.useUserBuffer(first);
  return true;
}

/** Sets the buffer for the read after the next; when called in a read's callback, for the read after that one. */
export function readInto(socket: Socket, buffer: Buffer): void {
  if (known === undefined || known === 'none') return;
  const { next } = known;
  const keyed = socket as unknown as Keyed;
  // Node calls this function after each read. It removes itself, so that further reads do not pay for it.
  keyed[next] = () => {
    keyed[next] = null;
    return buffer;
  };
}

/** Sets the buffer for the very next read. At most once per socket: it costs memory until the socket is closed. */
export function readNextInto(socket: Socket, buffer: Buffer): void {
  if (known === undefined || known === 'none') return;
  const handle: unknown = Reflect.get(socket, '_handle');
  const keyed = socket as unknown as Keyed;
  if (!hasUserBuffer(handle) || keyed[known.buffer] === null) return;
  keyed[known.next] = null;
  keyed[known.buffer] = buffer;
  handle.useUserBuffer(buffer);
}

function fieldsOf(socket: Socket): Fields | 'none' {
  const symbols = Object.getOwnPropertySymbols(socket);
  const named = (name: string): symbol | undefined => symbols.find(({ description }) => description === name);
  const [buffer, callback, next] = [named('kBuffer'), named('kBufferCb'), named('kBufferGen')];
  if (buffer === undefined || callback === undefined || next === undefined) return 'none';
  return { buffer, callback, next };
}

function hasUserBuffer(handle: unknown): handle is { useUserBuffer(buffer: Buffer): void } {
  return (
    typeof handle === 'object' &&
    handle !== null &&
    'useUserBuffer' in handle &&
    typeof handle.useUserBuffer === 'function'
  );
}
