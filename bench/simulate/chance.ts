/** The simulator's chance, from a seed: arrivals and service times are the same in every run and on every machine. */

const RANGE = 2 ** 32;
const WARM_UP = 12;

/** Three words that mix and one that counts (sfc32). */
export class Chance {
  private a: number;
  private b = 0x9e3779b9 | 0;
  private c = 0x243f6a88 | 0;
  private counter = 1;

  constructor(seed: number) {
    this.a = seed | 0;
    for (let i = 0; i < WARM_UP; i++) this.next();
  }

  /** Between 0 and 1, never either. */
  uniform(): number {
    return ((this.next() >>> 0) + 0.5) / RANGE;
  }

  /** A whole number from 0 to bound − 1. */
  below(bound: number): number {
    return Math.floor(((this.next() >>> 0) * bound) / RANGE);
  }

  exponential(mean: number): number {
    return -mean * Math.log(this.uniform());
  }

  weibull(shape: number, scale: number): number {
    return scale * (-Math.log(this.uniform())) ** (1 / shape);
  }

  normal(mean: number, deviation: number): number {
    const radius = Math.sqrt(-2 * Math.log(this.uniform()));
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.uniform());
  }

  private next(): number {
    const mixed = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + mixed) | 0;
    return mixed;
  }
}
