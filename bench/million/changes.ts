/** Changes of single domains among many: what one takes until it is routed. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RouterProcess } from '../../test/support/router-process.ts';
import { PATH } from './requests.ts';
import { call, get, Wire } from './wire.ts';

const HOSTS = 100;

export type Changed = {
  /** From sending the command to the response to the first request that it routes. */
  readonly ms: readonly number[];
  /** Of these requests, those that were not answered as they had to be. */
  readonly failed: number;
};

/** One after the other, with a rest between, over the same two connections: domains of a pool that is there, `pool-0`, come and go. */
export class Changes implements AsyncDisposable {
  readonly #admin: Wire;
  readonly #listener: Wire;
  #done = 0;

  private constructor(admin: Wire, listener: Wire) {
    this.#admin = admin;
    this.#listener = listener;
  }

  static async of(router: RouterProcess): Promise<Changes> {
    return new Changes(await Wire.to(adminPort(router)), await Wire.to(router.port));
  }

  /** `restMs`: after each; of changes without one, whoever makes them and the router's part in it are a load of their own. */
  async take(count: number, restMs = 0): Promise<Changed> {
    const ms: number[] = [];
    let failed = 0;
    for (let change = 0; change < count; change++, this.#done++) {
      const began = performance.now();
      if (!(await this.#one())) failed++;
      ms.push(performance.now() - began);
      if (restMs > 0) await sleep(restMs);
    }
    return { ms, failed };
  }

  async #one(): Promise<boolean> {
    const host = `changed-${this.#done % HOSTS}.example.net`;
    const isPut = Math.floor(this.#done / HOSTS) % 2 === 0;
    if (isPut) await this.#must(call('PUT', `/v1/domains/${host}`, { pool: 'pool-0' }));
    else await this.#must(call('DELETE', `/v1/domains/${host}`));
    return (await this.#listener.ask(get(host, PATH))) === (isPut ? 200 : 404);
  }

  async #must(command: string): Promise<void> {
    const status = await this.#admin.ask(command);
    if (status >= 300) throw new Error(`expected a command that succeeds, found ${status} to ${command}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let left = 0; left < Math.min(HOSTS, this.#done); left++)
      await this.#admin.ask(call('DELETE', `/v1/domains/changed-${left}.example.net`));
    await this.#admin[Symbol.asyncDispose]();
    await this.#listener[Symbol.asyncDispose]();
  }
}

export function adminPort({ admin }: RouterProcess): number {
  return Number(admin.slice(admin.lastIndexOf(':') + 1));
}
