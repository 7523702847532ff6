/** A backend as it works: so many requests at once, the others in its own queue. */
import type { SimulatedRequest } from './request.ts';
import type { Answer, Backend } from './scenario.ts';

export class Server {
  readonly backend: Backend;
  busy = 0;
  private readonly slots: number;
  private queue: SimulatedRequest[] = [];
  private first = 0;

  constructor(backend: Backend) {
    this.backend = backend;
    this.slots = backend.slots ?? Number.POSITIVE_INFINITY;
  }

  /** What it answers, if it can begin at once. */
  take(request: SimulatedRequest, nowMs: number): Answer | undefined {
    if (this.busy >= this.slots) {
      this.queue.push(request);
      return undefined;
    }
    this.busy += 1;
    return this.backend.answer(request, nowMs, this.busy);
  }

  /** It has answered one: the next in its queue, which it begins now. */
  release(): SimulatedRequest | undefined {
    this.busy -= 1;
    if (this.first === this.queue.length) return undefined;
    const next = this.queue[this.first++];
    if (this.first > 1000 && 2 * this.first > this.queue.length) {
      this.queue = this.queue.slice(this.first);
      this.first = 0;
    }
    return next;
  }
}
