/**
 * What is known of one backend's health, and what of it is worth recording. Two parallel regions:
 *
 *   connecting   serving ── connect failed ──▶ quarantined ── its time is over ──▶ serving
 *                                                │    ▲
 *                                                ╰────╯ connect failed
 *   telling      told ── learnt, soon after the last record ──▶ pending ── a second since that ──▶ told
 *                │  ▲                                           │     ▲
 *                ╰──╯ learnt: recorded at once                  ╰─────╯ learnt
 *
 * In `telling`, a withheld ejection is ignored for a minute after one was recorded. If the log forgets what it knew,
 * because the backend was changed but not moved, both regions record it again at once.
 *
 * The worker that saw a failure has already protected the backend; nobody waits for this machine. It records at most once a
 * second: a quarantine that is not recorded is lost, since it ends by itself; of ejections and probes the latest state is
 * recorded.
 */
import { assign, setup } from 'xstate';
import type { BackendHealth, Ejection, QuarantineCause } from '../../eventlog/index.ts';

export type BackendInput = {
  /** As far as known; in epoch milliseconds. */
  readonly quarantine: { readonly cause: QuarantineCause; readonly untilMs: number };
  readonly health: BackendHealth;
  readonly now: () => number;
  readonly record: (cause: QuarantineCause, untilMs: number) => void;
  readonly recordHealth: (health: BackendHealth, withheld: readonly string[]) => void;
};

/** `route`: '' for all routes. */
export type HealthNews =
  | ({ readonly type: 'ejected' } & Ejection)
  | { readonly type: 'withheld'; readonly route: string }
  | { readonly type: 'returned'; readonly route: string }
  | { readonly type: 'probed'; readonly probes: BackendHealth['probes'] };

export type BackendEvent =
  | { readonly type: 'connect failed'; readonly cause: QuarantineCause; readonly untilMs: number }
  | { readonly type: 'learnt'; readonly news: HealthNews }
  /** The log forgot what it knew of the backend's health. */
  | { readonly type: 'forgotten' };

type Context = BackendInput & {
  readonly recordedAtMs: number;
  readonly withheld: readonly string[];
  /** When a withheld ejection was last recorded, by route. */
  readonly withheldAtMs: ReadonlyMap<string, number>;
};

// A flapping backend must not flood the log.
const RECORD_EVERY_MS = 1000;
// A withheld ejection changes nothing, so it is repeated for as long as the backend fails: recording it once a minute is
// enough.
const WITHHELD_EVERY_MS = 60_000;

/** @internal As `ownerLogic`. */
export const backendMachine = setup({
  types: {
    input: {} as BackendInput,
    context: {} as Context,
    events: {} as BackendEvent,
  },
  delays: {
    untilItIsOver: ({ context }) => Math.max(0, context.quarantine.untilMs - context.now()),
    untilItMayBeTold: ({ context }) => Math.max(0, context.recordedAtMs + RECORD_EVERY_MS - context.now()),
  },
  guards: {
    isKnown: ({ context, event }) => {
      if (event.type !== 'learnt' || event.news.type !== 'withheld') return false;
      const toldAtMs = context.withheldAtMs.get(event.news.route) ?? Number.NEGATIVE_INFINITY;
      return context.now() - toldAtMs < WITHHELD_EVERY_MS;
    },
    isQuarantined: ({ context }) => context.quarantine.untilMs > context.now(),
    isWorthRecording: ({ context }) => context.now() - context.recordedAtMs >= RECORD_EVERY_MS,
  },
  actions: {
    remember: assign(({ context, event }) => {
      if (event.type !== 'connect failed') return {};
      const untilMs = Math.max(context.quarantine.untilMs, event.untilMs);
      return { quarantine: { cause: event.cause, untilMs } };
    }),
    noteRecording: assign(({ context }) => ({ recordedAtMs: context.now() })),
    record: ({ context }) => context.record(context.quarantine.cause, context.quarantine.untilMs),
    learn: assign(({ context, event }) => (event.type === 'learnt' ? learnt(context, event.news) : {})),
    tell: ({ context }) => context.recordHealth(context.health, context.withheld),
    noteTelling: assign(({ context }) => ({
      recordedAtMs: context.now(),
      withheld: [],
      withheldAtMs: told(context),
    })),
  },
}).createMachine({
  id: 'backend',
  context: ({ input }) => ({
    ...input,
    recordedAtMs: Number.NEGATIVE_INFINITY,
    withheld: [],
    withheldAtMs: new Map(),
  }),
  type: 'parallel',
  states: {
    connecting: {
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
            forgotten: { actions: 'record' },
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
    },
    telling: {
      initial: 'told',
      states: {
        told: {
          on: {
            forgotten: { actions: 'tell' },
            learnt: [
              { guard: 'isKnown' },
              { guard: 'isWorthRecording', actions: ['learn', 'tell', 'noteTelling'] },
              { target: 'pending', actions: 'learn' },
            ],
          },
        },
        pending: {
          after: { untilItMayBeTold: { target: 'told', actions: ['tell', 'noteTelling'] } },
          on: { learnt: [{ guard: 'isKnown' }, { actions: 'learn' }] },
        },
      },
    },
  },
});

function learnt({ health, withheld }: Context, news: HealthNews): Partial<Context> {
  if (news.type === 'probed') return { health: { ...health, probes: news.probes } };
  const { route } = news;
  if (news.type === 'withheld')
    return { withheld: withheld.includes(route) ? withheld : [...withheld, route] };
  const others = health.ejections.filter((ejection) => ejection.route !== route);
  if (news.type === 'returned') return { health: { ...health, ejections: others } };
  const { untilMs, level } = news;
  return { health: { ...health, ejections: [...others, { route, untilMs, level }] } };
}

/** Forgets what was recorded more than a minute ago. */
function told({ withheld, withheldAtMs, now }: Context): ReadonlyMap<string, number> {
  const nowMs = now();
  const recent = [...withheldAtMs].filter(([, atMs]) => nowMs - atMs < WITHHELD_EVERY_MS);
  return new Map([...recent, ...withheld.map((route) => [route, nowMs] as const)]);
}
