/** What is known of a refused head, in the shape of an accepted one, for the log and the answer. */
import type { RequestHead, RequestRefusal } from '../../wire/index.ts';

export function refusedHead({
  method,
  target,
  domain,
}: Pick<RequestRefusal, 'method' | 'target' | 'domain'>): RequestHead {
  return {
    type: 'request',
    method,
    target,
    version: 1,
    host: domain,
    domain,
    fields: [],
    passing: '',
    seen: 0,
    requestLine: '',
    framing: 'none',
    contentLength: -1,
    keepAlive: false,
    nominated: [],
    expectContinue: false,
    upgrade: '',
    maxForwards: -1,
    end: 0,
  };
}

/** For a request whose head was never complete. */
export const NO_HEAD = refusedHead({ method: '', target: '', domain: '' });
