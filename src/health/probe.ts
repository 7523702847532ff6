/** One probe: a GET to one backend on a new connection; only the status of the answer matters. */
import { request } from 'node:http';
import type { LookupFunction } from 'node:net';
import { type BackendAddress, connectFailure } from '../proxy/index.ts';
import { afterTurning } from '../threads/index.ts';

export type ProbeRequest = {
  readonly address: BackendAddress;
  readonly path: string;
  readonly timeoutMs: number;
  /** Resolves a backend's name to addresses. */
  readonly lookup: LookupFunction;
};

/** The status; or why there was none; or why we could not probe at all, which says nothing about the backend. */
export type ProbeResult =
  | { readonly status: number }
  | { readonly nothing: string }
  | { readonly unasked: string };

// Nobody needs so many before a status. Each costs this thread, which commands wait for, as much as a small response.
const MOST_INTERIM = 10;

const HEADERS = { 'user-agent': 'switchyard-probe', accept: '*/*' };

/** `signal`: aborted when nobody waits for the result any more. */
export function probe(
  { address, path, timeoutMs, lookup }: ProbeRequest,
  signal?: AbortSignal,
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    // Without an agent, so that the probe has a connection of its own.
    const asked = request({
      ...whereTo(address),
      path,
      lookup,
      agent: false,
      headers: HEADERS,
      maxHeaderSize: 65_536,
      ...(signal === undefined ? {} : { signal }),
    });
    const settle = (heard: ProbeResult) => {
      callOff();
      asked.destroy();
      resolve(heard);
    };
    const callOff = afterTurning(timeoutMs, () => settle({ nothing: `no answer within ${timeoutMs} ms` }));
    // Only the status matters, not what follows it, nor how that ends.
    asked.on('response', ({ statusCode = 0 }) => settle({ status: statusCode }));
    let interim = 0;
    asked.on('information', () => {
      if (++interim === MOST_INTERIM + 1)
        settle({ nothing: `expected a status, found more than ${MOST_INTERIM} interim responses` });
    });
    asked.on('error', (error) => settle(failure(error)));
    asked.on('close', () => settle({ nothing: 'expected an answer, found the end of the connection' }));
    asked.end();
  });
}

function failure(error: Error): ProbeResult {
  return connectFailure(error) === undefined ? { unasked: error.message } : { nothing: error.message };
}

function whereTo(address: BackendAddress) {
  return 'path' in address ? { socketPath: address.path } : { host: address.host, port: address.port };
}
