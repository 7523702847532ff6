/** What operators do to tenants that may feel it: backends come, go, drain and fall, limits, policies and budgets change. */
import type { Chance } from '../../../test/support/chance.ts';
import { pause } from '../../../test/support/eventually.ts';
import type { Backend } from './backend.ts';
import type { Commands } from './commands.ts';
import { backendsOf, type Scene } from './scene.ts';
import { poolsOf, ROUGH_PERCENTS, SETTINGS } from './tenants.ts';
import type { Witnesses } from './witnesses.ts';

const POLICIES = ['least-request', 'round-robin', 'random', 'p2c', 'peak-ewma', 'consistent-hash'];

export class TenantChanges {
  readonly #scene: Scene;
  readonly #witnesses: Witnesses;
  readonly #commands: Commands;
  readonly #chance: Chance;

  constructor(scene: Scene, witnesses: Witnesses, commands: Commands, chance: Chance) {
    this.#scene = scene;
    this.#witnesses = witnesses;
    this.#commands = commands;
    this.#chance = chance;
  }

  /** Two of three homes stay. */
  loyal(): Promise<unknown> {
    const chance = this.#chance;
    const [backend, ...steady] = backendsOf(this.#scene, poolsOf('loyal')[0]).reverse() as [
      Backend,
      ...Backend[],
    ];
    switch (chance.below(4)) {
      case 0:
        return this.#commands.remove(backend);
      case 1:
        return this.#commands.drain(backend, 60_000);
      case 2:
        return this.#commands.put(chance.pick(steady), { weight: 1 + chance.below(5) });
      default:
        return this.#commands.put(backend);
    }
  }

  async tight(): Promise<unknown> {
    const commands = this.#commands;
    const chance = this.#chance;
    const backends = backendsOf(this.#scene, poolsOf('tight')[0]);
    const backend = chance.pick(backends.slice(1));
    return chance.below(2) === 0 ? commands.remove(backend) : commands.put(backend);
  }

  limitTight(): Promise<void> {
    const queue = { maxWaiting: this.#chance.below(20), maxWaitMs: 400 };
    const limit = 1 + this.#chance.below(4);
    const backends = backendsOf(this.#scene, poolsOf('tight')[0]);
    return this.#commands.limitTo(backends, limit, { ...SETTINGS.tight, queue });
  }

  rough(): Promise<unknown> {
    const chance = this.#chance;
    const [pool] = poolsOf('rough');
    if (chance.below(2) === 0)
      return this.#commands.put(chance.pick(backendsOf(this.#scene, pool)), { weight: 1 + chance.below(4) });
    return this.#setRough(pool);
  }

  async #setRough(pool: string): Promise<void> {
    const chance = this.#chance;
    const budgetPercent = chance.pick(ROUGH_PERCENTS);
    const answered = this.#witnesses.budget.wish(budgetPercent);
    await this.#commands.send('PUT', `/v1/pools/${pool}`, {
      ...SETTINGS.rough,
      retries: { ...SETTINGS.rough.retries, budgetPercent },
      policy: chance.pick(POLICIES),
    });
    answered();
  }

  async brittle(): Promise<unknown> {
    const chance = this.#chance;
    const backends = backendsOf(this.#scene, poolsOf('brittle')[0]);
    const backend = chance.pick(backends);
    switch (chance.below(8)) {
      case 0:
      case 1:
        return this.#fall(backend);
      case 2:
        return this.#witnesses.moments.during('hurried drain brittle', async () => {
          await this.#commands.drain(backend, chance.below(60));
          await pause(100);
          await this.#commands.put(backend);
        });
      case 3:
        return this.#witnesses.moments.during('empty brittle', async () => {
          for (const one of backends) await this.#commands.remove(one);
          await pause(chance.below(100));
          for (const one of backends) await this.#commands.put(one);
        });
      default:
        return this.#commands.put(backend, { weight: 1 + chance.below(4) });
    }
  }

  #fall(backend: Backend): Promise<void> {
    this.#witnesses.book.note(`${backend.name} falls`);
    return this.#witnesses.moments.during('down brittle', async () => {
      await backend.fall();
      await pause(this.#chance.below(400));
      await backend.riseAgain();
    });
  }
}
