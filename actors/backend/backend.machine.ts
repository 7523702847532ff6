/**
 * What is known of one backend's health, and what of it is worth recording.
 *
 *   serving ── connect failed ──▶ quarantined ── its time is over ──▶ serving
 *                                    │    ▲
 *                                    ╰────╯ connect failed: recorded at most once a second
 *
 * The worker that saw the failure has protected the backend already; nobody waits for this machine.
 */
import { assign, setup } from 'xstate';
import type { QuarantineCause } from '../../eventlog/index.ts';

export type BackendInput = {
  /** Present where it is known to be quarantined, in epoch milliseconds. */
  readonly quarantinedUntilMs: number;
  readonly now: () => number;
  readonly record: (cause: QuarantineCause, untilMs: number) => void;
};

export type BackendEvent = {
  readonly type: 'connect failed';
  readonly cause: QuarantineCause;
  readonly untilMs: number;
};

type Context = BackendInput & { readonly untilMs: number; readonly recordedAtMs: number };

// A flapping backend must not flood the log.
const RECORD_EVERY_MS = 1000;

export const backendMachine = setup({
  types: {
    input: {} as BackendInput,
    context: {} as Context,
    events: {} as BackendEvent,
  },
  delays: {
    untilItIsOver: ({ context }) => Math.max(0, context.untilMs - context.now()),
  },
  guards: {
    isQuarantined: ({ context }) => context.untilMs > context.now(),
    isWorthRecording: ({ context }) => context.now() - context.recordedAtMs >= RECORD_EVERY_MS,
  },
  actions: {
    remember: assign(({ context, event }) => ({ untilMs: Math.max(context.untilMs, event.untilMs) })),
    noteRecording: assign(({ context }) => ({ recordedAtMs: context.now() })),
    record: ({ context, event }) => context.record(event.cause, context.untilMs),
  },
}).createMachine({
  id: 'backend',
  context: ({ input }) => ({
    ...input,
    untilMs: input.quarantinedUntilMs,
    recordedAtMs: Number.NEGATIVE_INFINITY,
  }),
  initial: 'known',
  states: {
    known: { always: [{ guard: 'isQuarantined', target: 'quarantined' }, { target: 'serving' }] },
    serving: {
      on: {
        'connect failed': [
          {
            guard: 'isWorthRecording',
            target: 'quarantined',
            actions: ['remember', 'record', 'noteRecording'],
          },
          { target: 'quarantined', actions: 'remember' },
        ],
      },
    },
    quarantined: {
      after: { untilItIsOver: 'known' },
      on: {
        'connect failed': [
          {
            guard: 'isWorthRecording',
            target: 'quarantined',
            reenter: true,
            actions: ['remember', 'record', 'noteRecording'],
          },
          { target: 'quarantined', reenter: true, actions: 'remember' },
        ],
      },
    },
  },
});
