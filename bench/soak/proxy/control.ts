/** The control plane meanwhile: tenants change, the config file is read again, workers are replaced, actors crash. */
import { Chance } from '../../../test/support/chance.ts';
import { pause } from '../../../test/support/eventually.ts';
import { CalmChanges } from './calm-changes.ts';
import { Commands } from './commands.ts';
import { FickleChanges } from './fickle-changes.ts';
import { backendsOf, type Scene } from './scene.ts';
import { TenantChanges } from './tenant-changes.ts';
import { hostOf, poolsOf, TENANTS } from './tenants.ts';
import type { Witnesses } from './witnesses.ts';

const POINTS = ['before-append', 'after-append', 'before-publish', 'in-ledger', 'in-activation'] as const;
const STATIC_PARTS = [
  'log',
  'feed',
  'admin',
  'health',
  'activation',
  'historian',
  'planner',
  'confirmations',
];
// The static parts and the workers may crash ten times in ten seconds before their supervisor gives up.
const STATIC_EVERY_MS = 1500;
const WORKER_EVERY_MS = 4000;
// Longer, mostly, than a backend takes to notice: then what it counts has to be that one's.
const LIMIT_EVERY_MS = 700;
// One worker after the other, each started and made ready.
const REPLACED_WITHIN_MS = 60_000;
const REPLACED = 'worker N replaced';
/** Why not all were: one crashed just then. */
const NOT_REPLACED = [
  'expected worker N to be serving, found it being started or ended',
  'worker N serves on: the new one did not start',
  'worker N ended while the new one was starting',
];

export class Control {
  readonly #scene: Scene;
  readonly #witnesses: Witnesses;
  readonly #chance: Chance;
  readonly #workers: number;
  readonly #calm: CalmChanges;
  readonly #fickle: FickleChanges;
  readonly #changes: TenantChanges;
  readonly commands: Commands;
  #isOver = false;

  constructor(scene: Scene, witnesses: Witnesses, options: { seed: number; workers: number }) {
    this.#scene = scene;
    this.#witnesses = witnesses;
    this.#chance = new Chance(options.seed ^ 0x5eed);
    this.#workers = options.workers;
    this.commands = new Commands(scene.admin, witnesses.book);
    this.#calm = new CalmChanges(scene, witnesses, this.commands, this.#chance);
    this.#fickle = new FickleChanges(scene, witnesses, this.commands, this.#chance);
    this.#changes = new TenantChanges(scene, witnesses, this.commands, this.#chance);
  }

  /** Resolves once it was told to stop and everything is up again. */
  async run(): Promise<void> {
    const lanes = [
      this.#every(20, () => this.#calm.change()),
      this.#every(30, () => this.#fickle.change()),
      this.#every(60, () => this.#changes.loyal()),
      this.#every(60, () => this.#changes.tight()),
      this.#every(LIMIT_EVERY_MS, () => this.#changes.limitTight()),
      this.#every(60, () => this.#changes.rough()),
      this.#every(100, () => this.#changes.brittle()),
      this.#every(40, () => this.#crashOwner()),
      this.#every(STATIC_EVERY_MS, () => this.commands.crash(this.#chance.pick(STATIC_PARTS))),
    ];
    if (this.#workers > 0) lanes.push(this.#every(WORKER_EVERY_MS, () => this.#disturbWorker()));
    await Promise.all(lanes);
    for (const backend of this.#scene.backends) if (!backend.isUp) await backend.riseAgain();
    for (const backend of this.#scene.backends) await this.commands.put(backend);
  }

  stop(): void {
    this.#isOver = true;
  }

  async #every(ms: number, act: () => Promise<unknown>): Promise<void> {
    while (!this.#isOver) {
      await act();
      await pause(this.#chance.below(2 * ms));
    }
  }

  async #crashOwner(): Promise<void> {
    const chance = this.#chance;
    const tenant = chance.pick(TENANTS);
    const [pool] = poolsOf(tenant);
    const backend = chance.pick(backendsOf(this.#scene, pool));
    const owner = chance.pick([`domain:${hostOf(tenant)}`, `pool:${pool}`, `backend:${pool}/${backend.id}`]);
    await this.commands.crash(owner, chance.below(6) === 0 ? undefined : chance.pick(POINTS));
  }

  async #disturbWorker(): Promise<void> {
    const { moments } = this.#witnesses;
    const worker = 1 + this.#chance.below(this.#workers);
    switch (this.#chance.below(4)) {
      case 0:
        return moments.during('worker', () => this.commands.crash(`worker:${worker}`));
      case 1:
        return moments.during('cut', () => this.commands.crash(`requests:${worker}`));
      case 2:
        return moments.during('replace', () => this.#replaceAll());
      default:
        return moments.during('replace', async () => {
          await this.commands.send('POST', '/v1/workers/replace', { worker });
        });
    }
  }

  /** Until the router has said of each that it is replaced, or why not. */
  async #replaceAll(): Promise<void> {
    const { log, book } = this.#witnesses;
    const refusals = () => NOT_REPLACED.reduce((sum, why) => sum + log.told(why), 0);
    const [before, refused] = [log.told(REPLACED), refusals()];
    const isOver = () => log.told(REPLACED) >= before + this.#workers || refusals() > refused;
    this.commands.count('SIGUSR2');
    this.#scene.router.signal('SIGUSR2');
    const end = performance.now() + REPLACED_WITHIN_MS;
    while (!isOver() && performance.now() < end) await pause(20);
    if (!isOver()) book.complain(`SIGUSR2: expected an end of it within ${REPLACED_WITHIN_MS} ms`);
  }
}
