/**
 * Work that is done anew whenever it is asked for, and never twice at once: who asks meanwhile is served by a next time, which is
 * one for all of them and sees what was so when any of them asked.
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
