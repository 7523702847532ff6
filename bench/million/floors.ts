/** What a change is made of, each alone: below these no router gets on this machine, in these minutes. */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { statusOf } from './requests.ts';

// Seven pages of 4 KiB, which is what one change of one domain writes.
const COMMIT_BYTES = 28_672;
// Like the write-ahead log: written over and over, in place.
const PLACES = 256;

export class Floors implements AsyncDisposable {
  readonly requestMs: number[] = [];
  readonly commitMs: number[] = [];
  readonly #file: number;
  readonly #bytes = Buffer.alloc(COMMIT_BYTES);
  readonly #agent = new Agent({ keepAliveTimeout: 60_000 });
  readonly #port: number;
  readonly #host: string;
  #commits = 0;

  /** Requests are of a domain that is there and in use. */
  constructor(directory: string, port: number, host: string) {
    this.#port = port;
    this.#host = host;
    this.#file = openSync(join(directory, 'floor'), 'w');
    for (let place = 0; place < PLACES; place++) this.#commit();
  }

  async take(count: number, restMs: number): Promise<void> {
    for (let each = 0; each < count; each++) {
      this.commitMs.push(await timed(() => this.#commit()));
      await sleep(restMs);
      this.requestMs.push(await timed(() => statusOf(this.#agent, this.#port, this.#host)));
      await sleep(restMs);
    }
  }

  /** Waited for like SQLite waits for it: by the thread itself. */
  #commit(): void {
    this.#bytes.fill(this.#commits & 255);
    writeSync(this.#file, this.#bytes, 0, COMMIT_BYTES, (this.#commits++ % PLACES) * COMMIT_BYTES);
    fsyncSync(this.#file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    closeSync(this.#file);
    await this.#agent.destroy();
  }
}

async function timed(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
