/** The clock of a router that stands still until it is started, so that what is to come before has all the time it needs. */

export type StandingClock = { readonly now: () => number; start(): void };

export function standingClock(): StandingClock {
  let startedAt: number | undefined;
  return {
    now: () => 1_000_000_000_000 + (startedAt === undefined ? 0 : performance.now() - startedAt),
    start() {
      startedAt ??= performance.now();
    },
  };
}
