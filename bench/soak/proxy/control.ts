/** The control plane meanwhile: backends come, go and drain, limits and domains change, workers are replaced, actors crash. */
import { Chance } from '../../../test/support/chance.ts';
import { pause } from '../../../test/support/eventually.ts';
import type { Backend } from './backend.ts';
import type { Book, Moments } from './book.ts';
import { Commands } from './commands.ts';
import type { Homes } from './homes.ts';
import type { Scene } from './scene.ts';
import { hostOf, poolsOf, SETTINGS, TENANTS } from './tenants.ts';

const POINTS = ['before-append', 'after-append', 'before-publish', 'in-ledger', 'in-activation'] as const;
const STATIC_PARTS = ['log', 'feed', 'admin', 'health', 'activation'];
const POLICIES = ['least-request', 'round-robin', 'random', 'p2c', 'peak-ewma', 'consistent-hash'];
// The static parts and the workers may crash ten times in ten seconds before their supervisor gives up.
const STATIC_EVERY_MS = 1500;
const WORKER_EVERY_MS = 4000;
// More than it takes to replace them all.
const REPLACED_WITHIN_MS = 3000;

export class Control {
  readonly #scene: Scene;
  readonly #book: Book;
  readonly #moments: Moments;
  readonly #homes: Homes;
  readonly #chance: Chance;
  readonly #workers: number;
  readonly commands: Commands;
  #isOver = false;

  constructor(
    scene: Scene,
    book: Book,
    moments: Moments,
    homes: Homes,
    options: { seed: number; workers: number },
  ) {
    this.#scene = scene;
    this.#book = book;
    this.#moments = moments;
    this.#homes = homes;
    this.#chance = new Chance(options.seed ^ 0x5eed);
    this.#workers = options.workers;
    this.commands = new Commands(scene.admin, book);
  }

  /** Resolves once it was told to stop and everything is up again. */
  async run(): Promise<void> {
    const lanes = [
      this.#every(20, () => this.#calm()),
      this.#every(60, () => this.#tight()),
      this.#every(60, () => this.#rough()),
      this.#every(100, () => this.#brittle()),
      this.#every(40, () => this.#crashOwner()),
      this.#every(STATIC_EVERY_MS, () => this.commands.crash(this.#chance.pick(STATIC_PARTS))),
    ];
    if (this.#workers > 0) lanes.push(this.#every(WORKER_EVERY_MS, () => this.#disturbWorker()));
    await Promise.all(lanes);
    for (const backend of this.#scene.backends) if (!backend.isUp) await backend.rise();
    for (const backend of this.#scene.backends) await this.commands.put(backend);
  }

  stop(): void {
    this.#isOver = true;
  }

  async #every(ms: number, act: () => Promise<void>): Promise<void> {
    while (!this.#isOver) {
      await act();
      await pause(this.#chance.below(2 * ms));
    }
  }

  /** Nothing of this may be felt: two of three backends stay, and both pools serve. */
  async #calm(): Promise<void> {
    const { commands } = this;
    const chance = this.#chance;
    const pool = chance.pick(poolsOf('calm'));
    const backend = this.#backendsOf(pool)[2] as Backend;
    const other = `/v1/domains/x${chance.below(20)}.test`;
    switch (chance.below(6)) {
      case 0:
        return commands.remove(backend);
      case 1:
        return commands.drain(backend, 60_000);
      case 2: {
        const answered = this.#homes.move('calm', pool);
        await commands.send('PUT', `/v1/domains/${hostOf('calm')}`, { pool });
        return answered();
      }
      case 3:
        return commands.send('PUT', other, { pool });
      case 4:
        return commands.send('DELETE', other);
      default:
        return commands.put(backend, { weight: 1 + chance.below(5) });
    }
  }

  async #tight(): Promise<void> {
    const { commands } = this;
    const chance = this.#chance;
    const backends = this.#backendsOf(poolsOf('tight')[0]);
    const backend = chance.pick(backends.slice(1));
    const queue = { maxWaiting: chance.below(20), maxWaitMs: 400 };
    if (chance.below(3) > 0)
      return commands.limitTo(backends, 1 + chance.below(4), { ...SETTINGS.tight, queue });
    return chance.below(2) === 0 ? commands.remove(backend) : commands.put(backend);
  }

  async #rough(): Promise<void> {
    const chance = this.#chance;
    const [pool] = poolsOf('rough');
    if (chance.below(2) === 0)
      return this.commands.put(chance.pick(this.#backendsOf(pool)), { weight: 1 + chance.below(4) });
    await this.commands.send('PUT', `/v1/pools/${pool}`, {
      ...SETTINGS.rough,
      policy: chance.pick(POLICIES),
    });
  }

  async #brittle(): Promise<void> {
    const chance = this.#chance;
    const backends = this.#backendsOf(poolsOf('brittle')[0]);
    const backend = chance.pick(backends);
    switch (chance.below(8)) {
      case 0:
      case 1:
        return this.#fall(backend);
      case 2:
        return this.#during('hurried drain brittle', async () => {
          await this.commands.drain(backend, chance.below(60));
          await pause(100);
          await this.commands.put(backend);
        });
      case 3:
        return this.#during('empty brittle', async () => {
          for (const one of backends) await this.commands.remove(one);
          await pause(chance.below(100));
          for (const one of backends) await this.commands.put(one);
        });
      default:
        return this.commands.put(backend, { weight: 1 + chance.below(4) });
    }
  }

  #fall(backend: Backend): Promise<void> {
    this.#book.note(`${backend.name} falls`);
    return this.#during('down brittle', async () => {
      await backend.fall();
      await pause(this.#chance.below(400));
      await backend.rise();
    });
  }

  async #crashOwner(): Promise<void> {
    const chance = this.#chance;
    const tenant = chance.pick(TENANTS);
    const [pool] = poolsOf(tenant);
    const backend = chance.pick(this.#backendsOf(pool));
    const owner = chance.pick([
      `domain:${hostOf(tenant)}`,
      `pool:${pool}`,
      `backend:${pool}/${backend.name}`,
    ]);
    await this.commands.crash(owner, chance.below(6) === 0 ? undefined : chance.pick(POINTS));
  }

  async #disturbWorker(): Promise<void> {
    const worker = 1 + this.#chance.below(this.#workers);
    switch (this.#chance.below(4)) {
      case 0:
        return this.#during('worker', () => this.commands.crash(`worker:${worker}`));
      case 1:
        return this.#during('cut', () => this.commands.crash(`requests:${worker}`));
      case 2:
        return this.#during('replace', () => {
          this.commands.count('SIGUSR2');
          this.#scene.router.signal('SIGUSR2');
          return pause(REPLACED_WITHIN_MS);
        });
      default:
        return this.#during('replace', () => this.commands.send('POST', '/v1/workers/replace', { worker }));
    }
  }

  async #during(what: string, act: () => Promise<void>): Promise<void> {
    const over = this.#moments.begin(what);
    await act();
    over();
  }

  #backendsOf(pool: string): Backend[] {
    return this.#scene.backends.filter((backend) => backend.pool === pool);
  }
}
