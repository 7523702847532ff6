/** Where a tenant's requests go is changed in every way there is: by a command, by a file, back again, and on trial. */
import type { Reply } from '../../../test/support/admin-client.ts';
import type { Chance } from '../../../test/support/chance.ts';
import { pause } from '../../../test/support/eventually.ts';
import type { Commands } from './commands.ts';
import { type Course, settingsOf } from './courses.ts';
import { reload } from './reload.ts';
import type { Scene } from './scene.ts';
import { hostOf, poolsOf } from './tenants.ts';
import { Trials } from './trials.ts';
import type { Witnesses } from './witnesses.ts';

const HOST = hostOf('fickle');
const DOMAIN = `/v1/domains/${HOST}`;
const MOST_PAST = 20;
const TRIAL_MS = 600;
// Long enough that some requests come.
const FELT_MS = 100;

/** From that position of the log on; `before`: what it took the place of. */
type Past = { readonly position: number; readonly course: Course; readonly before: Course };

export class FickleChanges {
  readonly #scene: Scene;
  readonly #witnesses: Witnesses;
  readonly #commands: Commands;
  readonly #chance: Chance;
  readonly #trials: Trials;
  #past: Past[] = [];
  #present: Course = { type: 'pool', pool: poolsOf('fickle')[0] };
  #pages = 0;

  constructor(scene: Scene, witnesses: Witnesses, commands: Commands, chance: Chance) {
    this.#scene = scene;
    this.#witnesses = witnesses;
    this.#commands = commands;
    this.#chance = chance;
    this.#trials = new Trials(scene, witnesses, commands);
  }

  change(): Promise<void> {
    switch (this.#chance.below(40)) {
      case 0:
        return this.#reload();
      case 1:
      case 2:
      case 3:
      case 4:
        return this.#trial();
      case 5:
      case 6:
      case 7:
        return this.#rollBack();
      case 8:
      case 9:
      case 10:
        return this.#undo();
      default:
        return this.#set(this.#anyCourse());
    }
  }

  #wish(course: Course): () => void {
    this.#present = course;
    return this.#witnesses.courses.fickle.wish(course);
  }

  async #set(course: Course): Promise<void> {
    const before = this.#present;
    const answered = this.#wish(course);
    const reply = await this.#commands.send('PUT', DOMAIN, settingsOf(course));
    answered();
    this.#remember(reply, { course, before });
  }

  /** What changed nothing has the position of somebody else's change. */
  #remember(reply: Reply | undefined, past: Omit<Past, 'position'>): void {
    const { changed } = (reply?.body ?? {}) as { changed?: number };
    if (reply?.position === undefined || changed !== 1) return;
    this.#past = [...this.#past, { position: reply.position, ...past }].slice(-MOST_PAST);
  }

  /** All that is in force once more, by the file, and where the requests go otherwise. */
  #reload(): Promise<void> {
    return this.#commands.alone(async () => {
      const course = this.#anyCourse();
      const answered = this.#wish(course);
      await reload(this.#scene, this.#witnesses, { [HOST]: settingsOf(course) });
      this.#commands.count('SIGHUP');
      answered();
    });
  }

  async #rollBack(): Promise<void> {
    if (this.#past.length === 0) return;
    const { position, course } = this.#chance.pick(this.#past);
    const answered = this.#wish(course);
    this.#commands.count('rollback of a domain');
    await this.#commands.send('POST', '/v1/rollback', { to: position, domain: HOST });
    answered();
  }

  /** The last change, and nothing since. */
  async #undo(): Promise<void> {
    const last = this.#past.at(-1);
    if (last === undefined || last.course !== this.#present) return;
    const answered = this.#wish(last.before);
    this.#commands.count('undo of a change');
    await this.#commands.send('POST', '/v1/rollback', { change: last.position });
    answered();
    this.#past.pop();
  }

  /** In force at once, and then confirmed, left to be undone, or changed again before it is. */
  async #trial(): Promise<void> {
    const before = this.#present;
    const chance = this.#chance;
    const course = this.#anyCourse();
    const isKept = chance.below(2) === 0;
    const answered = this.#wish(course);
    const trial = await this.#trials.begin({ [HOST]: settingsOf(course) }, TRIAL_MS + chance.below(TRIAL_MS));
    if (trial === undefined) {
      await this.#trials.barrier();
      return this.#wish(before)();
    }
    if (performance.now() < trial.untilMs) answered();
    const undone = this.#witnesses.courses.fickle.wish(before, trial.untilMs);
    await pause(chance.below(100));
    if (isKept && (await this.#trials.confirm(trial))) {
      this.#wish(course)();
      return pause(trial.untilMs - performance.now() + FELT_MS);
    }
    if (!isKept && chance.below(3) === 0) {
      await this.#set(this.#ownCourse());
      return this.#trials.decided(trial);
    }
    this.#present = before;
    await this.#trials.undone(trial);
    undone();
    await pause(FELT_MS);
  }

  /** Its pools are as calm, but where its requests go is another question each time. */
  #anyCourse(): Course {
    const chance = this.#chance;
    const [pool, other] = this.#pools();
    switch (chance.below(5)) {
      case 0:
        return { type: 'pool', pool };
      case 1:
        return { type: 'by-method', pool, other };
      case 2:
        return { type: 'split', pools: [pool, other], weight: chance.below(11) };
      default:
        return this.#ownCourse();
    }
  }

  /** One that never was. */
  #ownCourse(): Course {
    const chance = this.#chance;
    const [pool] = this.#pools();
    const number = this.#pages++;
    const page = `<p>"outcome":"maintenance", "code":"H80", for the ${number}th time</p>`;
    if (chance.below(2) === 0) return { type: 'maintenance', pool, page };
    return { type: 'redirect', pool, status: chance.pick([301, 307, 308]), to: `/to/${number}` };
  }

  #pools(): readonly [string, string] {
    const [a, b] = poolsOf('fickle');
    return this.#chance.below(2) === 0 ? [a, b] : [b, a];
  }
}
