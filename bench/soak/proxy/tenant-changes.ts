/** What operators do to each tenant: backends come, go, drain and fall, limits, policies and domains change. */
import type { Chance } from '../../../test/support/chance.ts';
import { pause } from '../../../test/support/eventually.ts';
import type { Backend } from './backend.ts';
import type { Commands } from './commands.ts';
import type { Witnesses } from './control.ts';
import { type Course, settingsOf } from './courses.ts';
import { reload } from './reload.ts';
import { backendsOf, type Scene } from './scene.ts';
import { hostOf, poolsOf, SETTINGS, type Tenant } from './tenants.ts';

const POLICIES = ['least-request', 'round-robin', 'random', 'p2c', 'peak-ewma', 'consistent-hash'];

export class TenantChanges {
  readonly #scene: Scene;
  readonly #witnesses: Witnesses;
  readonly #commands: Commands;
  readonly #chance: Chance;
  #pages = 0;

  constructor(scene: Scene, witnesses: Witnesses, commands: Commands, chance: Chance) {
    this.#scene = scene;
    this.#witnesses = witnesses;
    this.#commands = commands;
    this.#chance = chance;
  }

  /** Nothing of this may be felt: two of three backends stay, and both pools serve. */
  async calm(): Promise<void> {
    const commands = this.#commands;
    const chance = this.#chance;
    const pool = chance.pick(poolsOf('calm'));
    const backend = backendsOf(this.#scene, pool)[2] as Backend;
    const other = `/v1/domains/x${chance.below(20)}.test`;
    switch (chance.below(6)) {
      case 0:
        return commands.remove(backend);
      case 1:
        return commands.drain(backend, 60_000);
      case 2:
        return this.#setCourse('calm', { type: 'pool', pool });
      case 3:
        return commands.send('PUT', other, { pool });
      case 4:
        return commands.send('DELETE', other);
      default:
        return commands.put(backend, { weight: 1 + chance.below(5) });
    }
  }

  fickle(): Promise<void> {
    return this.#chance.below(40) === 0 ? this.#reload() : this.#setCourse('fickle', this.#anyCourse());
  }

  /** All that is in force once more, by the file, and where fickle's requests go otherwise. */
  #reload(): Promise<void> {
    return this.#commands.alone(async () => {
      const course = this.#anyCourse();
      const answered = this.#witnesses.courses.fickle.wish(course);
      await reload(this.#scene, this.#witnesses, { [hostOf('fickle')]: settingsOf(course) });
      this.#commands.count('SIGHUP');
      answered();
    });
  }

  /** Its pools are as calm, but where its requests go is another question each time. */
  #anyCourse(): Course {
    const chance = this.#chance;
    const [a, b] = poolsOf('fickle');
    const [pool, other] = chance.below(2) === 0 ? [a, b] : [b, a];
    const page = `<p>"outcome":"maintenance", "code":"H80", for the ${this.#pages++}th time</p>`;
    return chance.pick<Course>([
      { type: 'pool', pool },
      { type: 'by-method', pool, other },
      { type: 'split', pools: [pool, other], weight: chance.below(11) },
      { type: 'redirect', pool, status: chance.pick([301, 307, 308]), to: `/to/${this.#pages++}` },
      { type: 'maintenance', pool, page },
    ]);
  }

  /** Two of three homes stay. */
  loyal(): Promise<void> {
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

  async #setCourse(tenant: Tenant, course: Course): Promise<void> {
    const answered = this.#witnesses.courses[tenant].wish(course);
    await this.#commands.send('PUT', `/v1/domains/${hostOf(tenant)}`, settingsOf(course));
    answered();
  }

  async tight(): Promise<void> {
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

  async rough(): Promise<void> {
    const chance = this.#chance;
    const [pool] = poolsOf('rough');
    if (chance.below(2) === 0)
      return this.#commands.put(chance.pick(backendsOf(this.#scene, pool)), { weight: 1 + chance.below(4) });
    await this.#commands.send('PUT', `/v1/pools/${pool}`, {
      ...SETTINGS.rough,
      policy: chance.pick(POLICIES),
    });
  }

  async brittle(): Promise<void> {
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
      await backend.rise();
    });
  }
}
