/** Changes of single domains among many: what one takes until it is routed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent } from 'undici';
import { AdminClient } from '../../test/support/admin-client.ts';
import type { RouterProcess } from '../../test/support/router-process.ts';
import { statusOf } from './requests.ts';

const HOSTS = 100;

export type Changed = {
  /** From sending the command to the head of the response to the first request it routes. */
  readonly ms: readonly number[];
  /** Of these requests, those that were not answered as they had to be. */
  readonly failed: number;
};

/** One after the other, with a rest between, over the same two connections: domains of a pool that is there, `pool-0`, come and go. */
export class Changes implements AsyncDisposable {
  readonly #port: number;
  readonly #admin: AdminClient;
  readonly #agent = new Agent({ keepAliveTimeout: 60_000 });
  #done = 0;

  constructor({ port, admin }: RouterProcess) {
    this.#port = port;
    this.#admin = new AdminClient(admin);
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
    if (isPut) await this.#admin.must('PUT', `/v1/domains/${host}`, { pool: 'pool-0' });
    else await this.#admin.must('DELETE', `/v1/domains/${host}`);
    return (await statusOf(this.#agent, this.#port, host)) === (isPut ? 200 : 404);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (let left = 0; left < Math.min(HOSTS, this.#done); left++)
      await this.#admin.delete(`/v1/domains/changed-${left}.example.net`);
    await this.#agent.destroy();
    await this.#admin[Symbol.asyncDispose]();
  }
}
