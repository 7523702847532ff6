/**
 * What operators do that nobody may feel: of three backends two stay whatever comes, both pools serve, and a backend that gets
 * another id or another address, or what it had before, is one that stays.
 */
import type { Reply } from '../../../test/support/admin-client.ts';
import type { Chance } from '../../../test/support/chance.ts';
import type { Backend, Standing } from './backend.ts';
import type { Commands } from './commands.ts';
import { settingsOf } from './courses.ts';
import { backendsOf, type Scene } from './scene.ts';
import { hostOf, poolsOf, SETTINGS } from './tenants.ts';
import type { Witnesses } from './witnesses.ts';

type Known = { readonly id: string; readonly door: number; readonly type: Standing['type'] };
/** A pool as it was from that position of the log on. */
type Past = { readonly position: number; readonly backends: readonly Known[] };

const MOST_PAST = 20;

export class CalmChanges {
  readonly #scene: Scene;
  readonly #witnesses: Witnesses;
  readonly #commands: Commands;
  readonly #chance: Chance;
  readonly #types = new Map<Backend, Standing['type']>();
  readonly #past = new Map<string, Past[]>();

  constructor(scene: Scene, witnesses: Witnesses, commands: Commands, chance: Chance) {
    this.#scene = scene;
    this.#witnesses = witnesses;
    this.#commands = commands;
    this.#chance = chance;
  }

  async change(): Promise<void> {
    const chance = this.#chance;
    const commands = this.#commands;
    const pool = chance.pick(poolsOf('calm'));
    const backends = backendsOf(this.#scene, pool);
    const other = `/v1/domains/x${chance.below(20)}.test`;
    switch (chance.below(9)) {
      case 0:
        return this.#changed(backends.slice(2), 'out', (backend) => commands.remove(backend));
      case 1:
        return this.#changed(backends.slice(2), 'draining', (backend) => commands.drain(backend, 60_000));
      case 2:
        return this.#setCourse(pool);
      case 3:
        return void (await commands.send('PUT', other, { pool }));
      case 4:
        return void (await commands.send('DELETE', other));
      case 5:
        return this.#rename(pool, backends);
      case 6:
        return this.#move(chance.pick(backends));
      case 7:
        return this.#rollBack(pool, backends);
      default:
        return this.#put(backends[2] as Backend);
    }
  }

  #put(backend: Backend): Promise<void> {
    const weight = 1 + this.#chance.below(5);
    return this.#changed([backend], 'in', () => this.#commands.put(backend, { weight }));
  }

  /** All of a pool under other ids, at once, as with a new release. */
  #rename(pool: string, backends: readonly Backend[]): Promise<void> {
    for (const backend of backends)
      backend.id = backend.id === backend.name ? `${backend.name}.blue` : backend.name;
    const named = Object.fromEntries(backends.map(({ id, address }) => [id, { address }]));
    this.#commands.count('rename');
    return this.#changed(backends, 'in', async () => {
      const answered = backends.map((backend) => backend.wish('in'));
      const reply = await this.#commands.send('PUT', `/v1/pools/${pool}`, {
        ...SETTINGS.calm,
        backends: named,
      });
      for (const inForce of answered) inForce();
      return reply;
    });
  }

  /** Where it was it still answers whoever comes. */
  async #move(backend: Backend): Promise<void> {
    await backend.rise();
    this.#commands.count('move');
    return this.#put(backend);
  }

  async #rollBack(pool: string, backends: readonly Backend[]): Promise<void> {
    const all = this.#past.get(pool) ?? [];
    if (all.length === 0) return;
    const past = this.#chance.pick(all);
    const answered = backends.map((backend, index) => {
      const { id, door, type } = past.backends[index] as Known;
      backend.id = id;
      backend.door = door;
      this.#types.set(backend, type);
      return backend.wish(type);
    });
    this.#commands.count('rollback of a pool');
    const reply = await this.#commands.send('POST', '/v1/rollback', { to: past.position, pool });
    for (const inForce of answered) inForce();
    this.#remember(pool, reply);
  }

  /** `act` has of each or of all what its name says, and answers last. */
  async #changed(
    backends: readonly Backend[],
    type: Standing['type'],
    act: (backend: Backend) => Promise<Reply | undefined>,
  ): Promise<void> {
    const [backend] = backends as [Backend];
    const reply = await act(backend);
    for (const one of backends) this.#types.set(one, type);
    this.#remember(backend.pool, reply);
  }

  /** A drain passes, and is no setting to come back to. */
  #remember(pool: string, reply: Reply | undefined): void {
    if (reply?.position === undefined || reply.status >= 300) return;
    const backends = backendsOf(this.#scene, pool);
    const known = backends.map((one) => ({
      id: one.id,
      door: one.door,
      type: this.#types.get(one) ?? 'in',
    }));
    if (known.some(({ type }) => type === 'draining')) return;
    const past = this.#past.get(pool) ?? [];
    past.push({ position: reply.position, backends: known });
    this.#past.set(pool, past.slice(-MOST_PAST));
  }

  async #setCourse(pool: string): Promise<void> {
    const course = { type: 'pool', pool } as const;
    const answered = this.#witnesses.courses.calm.wish(course);
    await this.#commands.send('PUT', `/v1/domains/${hostOf('calm')}`, settingsOf(course));
    answered();
  }
}
