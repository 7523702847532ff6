/** One probe: a GET to one backend on a new connection; only the status of the answer matters. */
import { request } from 'node:http';
import type { LookupFunction } from 'node:net';
import { type BackendAddress, connectFailure } from '../proxy/index.ts';
import { afterTurning } from '../threads/index.ts';

export type Question = {
  readonly address: BackendAddress;
  readonly path: string;
  readonly timeoutMs: number;
  /** How a backend's name becomes addresses. */
  readonly lookup: LookupFunction;
};

/** Its status, why there was none, or what we lack to ask at all, which says nothing of the backend. */
export type Heard = { readonly status: number } | { readonly nothing: string } | { readonly unasked: string };

const HEADERS = { 'user-agent': 'switchyard-probe', accept: '*/*' };

/** `signal`: nobody waits for the answer any more. */
export function probe({ address, path, timeoutMs, lookup }: Question, signal?: AbortSignal): Promise<Heard> {
  return new Promise((resolve) => {
    // Without an agent: the connection is this question's alone.
    const asked = request({
      ...whereTo(address),
      path,
      lookup,
      agent: false,
      headers: HEADERS,
      maxHeaderSize: 65_536,
      ...(signal === undefined ? {} : { signal }),
    });
    const settle = (heard: Heard) => {
      callOff();
      asked.destroy();
      resolve(heard);
    };
    const callOff = afterTurning(timeoutMs, () => settle({ nothing: `no answer within ${timeoutMs} ms` }));
    // What comes after its status does not matter, nor how that ends.
    asked.on('response', ({ statusCode = 0 }) => settle({ status: statusCode }));
    asked.on('error', (error) => settle(failure(error)));
    asked.on('close', () => settle({ nothing: 'expected an answer, found the end of the connection' }));
    asked.end();
  });
}

function failure(error: Error): Heard {
  return connectFailure(error) === undefined ? { unasked: error.message } : { nothing: error.message };
}

function whereTo(address: BackendAddress) {
  return 'path' in address ? { socketPath: address.path } : { host: address.host, port: address.port };
}
