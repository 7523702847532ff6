/** What a change is made of, each alone: below these no router gets on this machine, in these minutes. */
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RouterProcess } from '../../test/support/router-process.ts';
import { adminPort } from './changes.ts';
import { PATH } from './requests.ts';
import { call, get, Wire } from './wire.ts';

// Seven pages of 4 KiB, which is what a domain that goes writes; one that comes writes ten.
const COMMIT_BYTES = 28_672;
// Like the write-ahead log: written over and over, in place.
const PLACES = 256;

export class Floors implements AsyncDisposable {
  readonly commitMs: number[] = [];
  readonly callMs: number[] = [];
  readonly requestMs: number[] = [];
  /** The three of one turn added up: what a change would take of a router that does nothing for it but wait. */
  readonly allMs: number[] = [];
  readonly #file: number;
  readonly #bytes = Buffer.alloc(COMMIT_BYTES);
  readonly #admin: Wire;
  readonly #listener: Wire;
  readonly #call: string;
  readonly #request: string;
  #commits = 0;

  private constructor(directory: string, admin: Wire, listener: Wire, host: string) {
    this.#file = openSync(join(directory, 'floor'), 'w');
    this.#admin = admin;
    this.#listener = listener;
    this.#call = call('GET', `/v1/domains/${host}`);
    this.#request = get(host, PATH);
    for (let place = 0; place < PLACES; place++) this.#commit();
  }

  /** Asked are a domain that is there and in use, and what is known of it. */
  static async of(directory: string, router: RouterProcess, host: string): Promise<Floors> {
    return new Floors(directory, await Wire.to(adminPort(router)), await Wire.to(router.port), host);
  }

  async take(count: number, restMs: number): Promise<void> {
    for (let each = 0; each < count; each++) {
      const commitMs = await timed(() => this.#commit());
      await sleep(restMs);
      const callMs = await timed(() => this.#admin.ask(this.#call));
      await sleep(restMs);
      const requestMs = await timed(() => this.#listener.ask(this.#request));
      await sleep(restMs);
      this.commitMs.push(commitMs);
      this.callMs.push(callMs);
      this.requestMs.push(requestMs);
      this.allMs.push(commitMs + callMs + requestMs);
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
    await this.#admin[Symbol.asyncDispose]();
    await this.#listener[Symbol.asyncDispose]();
  }
}

async function timed(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
