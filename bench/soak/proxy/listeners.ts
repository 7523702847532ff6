/** Where clients come in, and what the backends are told of them there. */

import type { Chance } from '../../../test/support/chance.ts';
import { addressIn, type Preface, prefaceOf } from './preface.ts';

/** Well above what a backend is late by plan. */
export const BODY_IDLE_MS = 3000;
const LISTENER = { address: '127.0.0.1:0', timeouts: { bodyIdleMs: BODY_IDLE_MS } };

/** The first closes on a client's FIN and trusts nobody; the second answers behind a FIN and keeps our ids. */
export const LISTENERS = [
  LISTENER,
  { ...LISTENER, halfClose: true, trustForwarded: ['127.0.0.1/32'] },
  { ...LISTENER, proxyProtocol: true },
];
const TRUSTING = 1;
/** Before it stands a load balancer. */
const BALANCED = 2;

export type Entrance = { readonly listener: number; readonly preface: Preface | undefined };

export function entranceOf(chance: Chance): Entrance {
  const listener = chance.below(LISTENERS.length);
  return { listener, preface: listener === BALANCED ? prefaceOf(chance) : undefined };
}

/** Where no load balancer is expected. */
export const plainEntranceOf = (chance: Chance): Entrance => ({
  listener: chance.below(BALANCED),
  preface: undefined,
});

/** A client may say there that it has nothing more to say, and be answered. */
export const answersBehindFin = (listener: number): boolean => listener === TRUSTING;

/** Fields that a backend gets with a request that came in there. */
export function identityOf({ listener, preface }: Entrance, id: string): ReadonlyMap<string, string> {
  const named = preface && addressIn(preface);
  const fields = new Map([['x-forwarded-for', named ?? '127.0.0.1']]);
  if (preface !== undefined && named !== undefined) fields.set('x-forwarded-port', `${preface.port}`);
  if (listener === TRUSTING) fields.set('x-request-id', id);
  return fields;
}
