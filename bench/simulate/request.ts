/** One simulated request, from its arrival to its end. */
import type { Lease, Waiter } from '../../actors/pool/ledger/index.ts';
import type { Served } from './scenario.ts';

export interface Claimant {
  granted(request: SimulatedRequest, lease: Lease): void;
  ended(request: SimulatedRequest, status: number): void;
}

const NONE_TRIED: readonly number[] = [];

export class SimulatedRequest implements Waiter, Served {
  place = 0;
  readonly number: number;
  readonly arrivedMs: number;
  readonly workMs: number;
  readonly endpoint: number;
  /** Which worker of which router has it. */
  readonly worker: number;
  readonly router: number;
  lease: Lease | undefined;
  backend = -1;
  /** When it was sent to its present backend, and when that began to serve it. */
  sentMs = 0;
  servedMs = -1;
  status = 0;
  attempts = 0;
  /** Number of its present wait; 0: it does not wait. */
  wait = 0;
  isOver = false;
  tried: readonly number[] = NONE_TRIED;
  private readonly claimant: Claimant;

  constructor(
    claimant: Claimant,
    number: number,
    arrivedMs: number,
    workMs: number,
    endpoint: number,
    router: number,
    worker: number,
  ) {
    this.claimant = claimant;
    this.number = number;
    this.arrivedMs = arrivedMs;
    this.workMs = workMs;
    this.endpoint = endpoint;
    this.router = router;
    this.worker = worker;
  }

  granted(lease: Lease): void {
    this.claimant.granted(this, lease);
  }

  refused(): void {
    this.claimant.ended(this, 503);
  }
}
