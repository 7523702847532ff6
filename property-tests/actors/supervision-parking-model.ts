/** What becomes of one child under a dynamic supervisor, told naively: nothing takes time, and time goes by the millisecond. */

export type ParkingLimits = { readonly intensity: number; readonly periodMs: number };

export class ParkedChildModel {
  state: 'absent' | 'running' | 'parked' = 'absent';
  retryAtMs = 0;
  restarts = 0;
  failures = 0;
  #upSinceMs = 0;
  #crashes: number[] = [];
  #parkings = 0;
  readonly #limits: ParkingLimits;

  constructor(limits: ParkingLimits) {
    this.#limits = limits;
  }

  ensure(now: number): void {
    if (this.state !== 'absent') return;
    this.restarts = 0;
    this.#crashes = [];
    this.#parkings = 0;
    this.#start(now);
  }

  stop(): void {
    this.state = 'absent';
  }

  crash(now: number): void {
    if (this.state === 'running') this.#crashed(now, now - this.#upSinceMs);
  }

  tick(now: number): void {
    if (this.state !== 'parked' || now < this.retryAtMs) return;
    this.restarts += 1;
    this.#start(now);
  }

  #start(now: number): void {
    if (this.failures > 0) {
      this.failures -= 1;
      this.#crashed(now, 0);
      return;
    }
    this.state = 'running';
    this.#upSinceMs = now;
  }

  #crashed(now: number, ranForMs: number): void {
    if (ranForMs >= this.#limits.periodMs && this.#parkings > 0) {
      this.#parkings = 0;
      this.#crashes = [];
    }
    this.#crashes.push(now);
    const recent = this.#crashes.filter((at) => now - at <= this.#limits.periodMs);
    if (this.#parkings > 0 || recent.length > this.#limits.intensity) {
      this.#parkings += 1;
      this.state = 'parked';
      // Chance is a half: three quarters of 100 ms, doubled each time, of 5 s at most.
      this.retryAtMs = now + Math.round(0.75 * Math.min(5000, 50 * 2 ** this.#parkings));
      return;
    }
    this.restarts += 1;
    this.#start(now);
  }
}
