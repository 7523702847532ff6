/**
 * A time-out for what comes from outside this thread. While the thread is blocked, by a slow disk or a paused
 * machine, nothing can arrive, and afterwards timers fire before sockets and ports are read: that time does not
 * count.
 */

// So at most a tenth of the time is lost to blocking.
const STEPS = 10;

/**
 * Calls `over` once the thread's loop has turned for `ms` and has then read what had arrived. Returns a function to
 * cancel it.
 */
export function afterTurning(ms: number, over: () => void): () => void {
  const stepMs = ms / STEPS;
  let leftMs = ms;
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  const step = (wantedMs: number) => {
    const beganMs = performance.now();
    timer = setTimeout(() => {
      const tookMs = performance.now() - beganMs;
      const stoodStill = tookMs > wantedMs + stepMs;
      leftMs -= stoodStill ? wantedMs : tookMs;
      if (leftMs > 0) step(Math.min(leftMs, stepMs));
      else if (stoodStill) timer = setTimeout(end, stepMs);
      else end();
    }, wantedMs);
  };
  // Immediates run after pending reads.
  const end = () => setImmediate(() => isOver || over());
  step(stepMs);
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
