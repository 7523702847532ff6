/** Whatever callbacks, backends and clients do: each service is checked in once, each request finishes once, last. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Headers } from '../../src/index.ts';
import { eventually, pause } from '../support/eventually.ts';
import type { RawClient } from '../support/raw-client.ts';
import { backendThat, deadPort } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';
import { local, scene } from './scene.ts';

const DECISION_MS = 60;

// What a callback does: answers at once, soon, too late; fails at once or soon; says no where it can.
const deed = fc.constantFrom(
  'now',
  'now',
  'now',
  'soon',
  'soon',
  'late',
  'never',
  'throw',
  'reject',
  'refuse',
);
type Deed = 'now' | 'soon' | 'late' | 'never' | 'throw' | 'reject' | 'refuse';

const plan = fc.record({
  init: deed,
  lookupDomain: deed,
  checkout: deed,
  backendOf: deed,
  additionalHeaders: deed,
  errorPage: deed,
  checkin: deed,
  backend: fc.constantFrom('well', 'well', 'dead', 'closes', 'halves', 'silent'),
  /** After how many milliseconds the client leaves; -1: it stays. */
  leavesMs: fc.constantFrom(-1, -1, 0, 1, 5, 30, 90),
  method: fc.constantFrom('GET', 'POST'),
});
type Plan = { readonly [K in keyof typeof keys]: Deed } & {
  readonly backend: string;
  readonly leavesMs: number;
  readonly method: string;
};
const keys = {
  init: 0,
  lookupDomain: 0,
  checkout: 0,
  backendOf: 0,
  additionalHeaders: 0,
  errorPage: 0,
  checkin: 0,
};

async function act<T>(done: Deed, value: T, no: T): Promise<T> {
  if (done === 'soon') await pause(3);
  if (done === 'late') await pause(DECISION_MS * 3);
  if (done === 'never') return new Promise<never>(() => {});
  if (done === 'reject') throw new Error('planned');
  return done === 'refuse' ? no : value;
}

function perform<T>(done: Deed, value: T, no: T = value): T | Promise<T> {
  if (done === 'throw') throw new Error('planned');
  return done === 'now' ? value : act(done, value, no);
}

type Service = { readonly address: string; checkins: number };
type State = { readonly plan: Plan; readonly services: Service[]; finished: number; calledAfter: number };

describe('a program that decides', () => {
  it('has each service back exactly once, and each request finished exactly once, whatever happens', async () => {
    const backend = await backendThat(async (request, connection) => {
      const how = request.headers.get('x-backend');
      if (how === 'closes') connection.close();
      else if (how === 'halves') connection.send('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf').end();
      else if (how !== 'silent') return ok();
      return undefined;
    });
    const dead = await deadPort();
    const states = new Map<string, State>();
    let plans: readonly Plan[] = [];
    const { connect, yard } = await scene<string, Service, State>({
      decisionMs: DECISION_MS,
      timeouts: { firstByteMs: 80, idleMs: 80, abortLingerMs: 20 },
      report: () => {},
      decisions: {
        init(request) {
          const plan = plans[Number(request.header('x-plan'))] as Plan;
          const state = { plan, services: [], finished: 0, calledAfter: 0 };
          states.set(request.id, state);
          return perform(plan.init, state);
        },
        lookupDomain: (host, { id }) => {
          const { plan } = called(id);
          return perform<{ domain: string } | { refuse: string }>(
            plan.lookupDomain,
            { domain: host },
            { refuse: 'no' },
          );
        },
        checkout: async (_domain, { id }, attempt) => {
          const state = called(id);
          const address = local(state.plan.backend === 'dead' && attempt < 3 ? dead : backend.port);
          const service = await perform<Service | undefined>(
            state.plan.checkout,
            { address, checkins: 0 },
            undefined,
          );
          if (service !== undefined) state.services.push(service);
          return service;
        },
        backendOf: ({ address }, { id }) => perform(called(id).plan.backendOf, address, 'nonsense'),
        additionalHeaders: (direction, { id }) => {
          const { plan } = called(id);
          const fields: Headers = direction === 'upstream' ? { 'X-Backend': plan.backend } : {};
          return perform<Headers>(plan.additionalHeaders, fields, { 'bad name': '' });
        },
        checkin: (_domain, service, _phase, _end, { id }) => {
          service.checkins++;
          return perform<void>(stateOf(id).plan.checkin, undefined);
        },
        errorPage: (_reason, _domain, { id }) => {
          const state = states.get(id);
          if (state === undefined) return undefined;
          return perform(state.plan.errorPage, { status: 500, body: 'mine' }, { status: 100, body: '' });
        },
        finished: ({ id }) => {
          stateOf(id).finished++;
        },
      },
    });

    function stateOf(id: string): State {
      const state = states.get(id);
      if (state === undefined) throw new Error(`expected ${id} to have begun`);
      return state;
    }
    function called(id: string): State {
      const state = stateOf(id);
      if (state.finished > 0) state.calledAfter++;
      return state;
    }

    async function live({ backend: how, leavesMs, method }: Plan, number: number): Promise<void> {
      const client: RawClient = await connect();
      const body = method === 'POST' ? 'Content-Length: 4\r\n\r\nbody' : '\r\n';
      client.send(
        `${method} / HTTP/1.1\r\nHost: a.test\r\nX-Plan: ${number}\r\nX-Backend: ${how}\r\n${body}`,
      );
      if (leavesMs < 0) await client.until(() => client.received !== '' || client.over, 'an answer');
      else await pause(leavesMs);
      client.close();
    }

    await fc.assert(
      fc.asyncProperty(fc.array(plan, { minLength: 20, maxLength: 20 }), async (wished) => {
        states.clear();
        plans = wished as readonly Plan[];
        await Promise.all(plans.map(live));
        // A client may have left before its head was read.
        const isOver = ({ finished, services }: State) =>
          finished === 1 && services.every(({ checkins }) => checkins > 0);
        const isQuiet = () => {
          const { connections } = yard.metrics().totals;
          return connections === 0 && [...states.values()].every(isOver);
        };
        await eventually(isQuiet, 'every request finished');
        await pause(DECISION_MS * 4);
        for (const { services, finished, calledAfter } of states.values()) {
          expect({ finished, calledAfter }).toEqual({ finished: 1, calledAfter: 0 });
          expect(services.map((service) => service.checkins)).toEqual(services.map(() => 1));
        }
        const { checkins, checkouts, connections, crashes, inFlight } = yard.metrics().totals;
        expect({ checkins, connections, crashes, inFlight }).toEqual({
          checkins: checkouts,
          connections: 0,
          crashes: 0,
          inFlight: 0,
        });
      }),
      { numRuns: 10, endOnFailure: true },
    );
  });
});
