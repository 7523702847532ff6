/**
 * One queue before all servers, first come first served, worked out without any of our own code (Kiefer and Wolfowitz's
 * recursion): what exact checkout must come to, request by request.
 */

/** `freeAtMs` is a heap: the server that is free first is at the top. */
export function centralFifoWaits(arrivals: Float64Array, works: Float64Array, servers: number): Float64Array {
  const freeAtMs = new Float64Array(servers);
  const waits = new Float64Array(arrivals.length);
  for (let i = 0; i < arrivals.length; i++) {
    const startMs = Math.max(arrivals[i]!, freeAtMs[0]!);
    waits[i] = startMs - arrivals[i]!;
    replaceTop(freeAtMs, startMs + works[i]!);
  }
  return waits;
}

function replaceTop(heap: Float64Array, value: number): void {
  let hole = 0;
  for (;;) {
    let child = 2 * hole + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child += 1;
    if (heap[child]! >= value) break;
    heap[hole] = heap[child]!;
    hole = child;
  }
  heap[hole] = value;
}
