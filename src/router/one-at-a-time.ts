/**
 * Work that runs whenever it is asked for, but never twice at once: requests during a run share one further run,
 * which sees the state at the time of each.
 */
export function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let last = Promise.resolve();
  let next: Promise<void> | undefined;
  return () => {
    if (next !== undefined) return next;
    const begun = last.then(() => {
      next = undefined;
      return work();
    });
    next = begun;
    last = begun.catch(() => undefined);
    return begun;
  };
}
