/** One probe: a GET to one backend on a new connection; only the head of the answer matters. */
import { connect, type LookupFunction } from 'node:net';
import { renderHostPort } from '../config/index.ts';
import { type BackendAddress, connectFailure } from '../proxy/index.ts';
import { afterTurning } from '../threads/index.ts';
import { GrowingBytes, HeadScan, type ResponseLimits, readResponseHead } from '../wire/index.ts';

export type ProbeRequest = {
  readonly address: BackendAddress;
  readonly path: string;
  readonly timeoutMs: number;
  /** Resolves a backend's name to addresses. */
  readonly lookup: LookupFunction;
  /** The pool's, for this answer as for any other. */
  readonly limits: ResponseLimits;
};

/** The status; or why there was none; or why we could not probe at all, which says nothing about the backend. */
export type ProbeResult =
  | { readonly status: number }
  | { readonly nothing: string }
  | { readonly unasked: string };

// Nobody needs so many before a status. Each costs this thread, which commands wait for, as much as a small response.
const MOST_INTERIM = 10;

/** `signal`: aborted when nobody waits for the result any more. */
export function probe(
  { address, path, timeoutMs, lookup, limits }: ProbeRequest,
  signal?: AbortSignal,
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const socket = connect({ ...address, lookup });
    const settle = (heard: ProbeResult) => {
      callOff();
      // A socket that is given the signal would stay with it for as long as that lives.
      signal?.removeEventListener('abort', abandon);
      socket.destroy();
      resolve(heard);
    };
    const callOff = afterTurning(timeoutMs, () => settle({ nothing: `no answer within ${timeoutMs} ms` }));
    const abandon = () => settle({ nothing: 'nobody waits for the answer any more' });
    signal?.addEventListener('abort', abandon);
    const answer = new ProbeAnswer(limits);
    socket.on('data', (bytes: Buffer) => {
      const heard = answer.take(bytes);
      if (heard !== undefined) settle(heard);
    });
    socket.on('error', (error) => settle(failure(error)));
    socket.on('close', () => settle({ nothing: 'expected an answer, found the end of the connection' }));
    socket.write(requestTo(address, path), 'latin1');
  });
}

function requestTo(address: BackendAddress, path: string): string {
  // RFC 9110 §7.2: the port may be left out where it is the scheme's own, and clients do.
  const host = 'path' in address ? 'localhost' : renderHostPort(address).replace(/:80$/, '');
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: switchyard-probe\r\nAccept: */*\r\nConnection: close\r\n\r\n`;
}

/** Reads the answer as the router reads every response: what it would refuse there fails the probe. */
class ProbeAnswer {
  readonly #limits: ResponseLimits;
  readonly #scan = new HeadScan();
  readonly #bytes = new GrowingBytes();
  #at = 0;
  #interim = 0;

  constructor(limits: ResponseLimits) {
    this.#limits = limits;
  }

  /** Undefined: more has to come. */
  take(chunk: Buffer): ProbeResult | undefined {
    const held = this.#bytes;
    held.append(chunk, 0, chunk.length);
    while (this.#at < held.length) {
      const head = readResponseHead(held.bytes, this.#at, held.length, this.#limits, 'GET', this.#scan);
      if (head.type === 'incomplete') return undefined;
      if (head.type === 'refused')
        return { nothing: `expected a valid response, found ${head.reason}: ${head.detail}` };
      if (head.status === 101) return { nothing: 'expected a status, found an upgrade nobody asked for' };
      if (head.status >= 200) return { status: head.status };
      if (++this.#interim > MOST_INTERIM)
        return { nothing: `expected a status, found more than ${MOST_INTERIM} interim responses` };
      this.#at = head.end;
    }
    return undefined;
  }
}

function failure(error: Error): ProbeResult {
  return connectFailure(error) === undefined ? { unasked: error.message } : { nothing: error.message };
}
