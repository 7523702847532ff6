/** Changes on trial: in force at once, and undone unless confirmed in time, whatever crashes meanwhile. */
import type { Reply } from '../../../test/support/admin-client.ts';
import { pause } from '../../../test/support/eventually.ts';
import type { Commands } from './commands.ts';
import type { Scene } from './scene.ts';
import type { Witnesses } from './witnesses.ts';

// Beyond its time: an undoing that found the log or the past away is tried again after five seconds.
const UNDONE_WITHIN_MS = 20_000;
// Our clock and the router's are one, but for the whole milliseconds of its timers.
const EARLY_MS = 2;

/** `untilMs`: by `performance.now()`; before then it is in force. `before`: what it changed, as the router says it. */
export type Trial = { readonly id: string; readonly untilMs: number; readonly before: string };

type State = { readonly pools: object; readonly domains: object };
type Begun = { readonly confirm?: { readonly id: string; readonly untilMs: number } | null };

export class Trials {
  readonly #scene: Scene;
  readonly #witnesses: Witnesses;
  readonly #commands: Commands;
  #barriers = 0;

  constructor(scene: Scene, witnesses: Witnesses, commands: Commands) {
    this.#scene = scene;
    this.#witnesses = witnesses;
    this.#commands = commands;
  }

  /** All that is in force, and these domains; undefined: it was so already, or another is on trial. */
  async begin(domains: object, withinMs: number): Promise<Trial | undefined> {
    let trial: Trial | undefined;
    await this.#commands.alone(async () => {
      const state = await this.#state();
      const before = this.#textOf(state, domains);
      const wish = { pools: state.pools, domains: { ...state.domains, ...domains } };
      const path = `/v1/apply?confirmWithinMs=${withinMs}`;
      const { confirm } = ((await this.#commands.repeat('POST', path, wish))?.body ?? {}) as Begun;
      if (confirm === undefined || confirm === null) return;
      const leftMs = confirm.untilMs - Date.now() - EARLY_MS;
      trial = { id: confirm.id, untilMs: performance.now() + leftMs, before };
      this.#commands.count('trial');
    });
    return trial;
  }

  /** False: it was undone before. */
  async confirm({ id, untilMs }: Trial): Promise<boolean> {
    const reply = await this.#commands.send('POST', '/v1/confirm', { id });
    if (reply?.status === 409 && performance.now() < untilMs)
      this.#witnesses.book.complain(`confirm ${id}: expected it to be in time, found ${wordOf(reply)}`);
    return reply?.status === 200;
  }

  /** Once it is as it was, and whoever asks from now on finds it so. */
  async undone(trial: Trial): Promise<void> {
    const { book } = this.#witnesses;
    const end = trial.untilMs + UNDONE_WITHIN_MS;
    let found: string;
    do {
      await pause(10);
      found = this.#textOf(await this.#state(), JSON.parse(trial.before) as object);
      if (found === trial.before && performance.now() < trial.untilMs)
        book.complain(`trial ${trial.id}: expected it to last, found it undone`);
    } while (found !== trial.before && performance.now() < end);
    if (found !== trial.before) book.complain(`trial ${trial.id}: expected ${trial.before}, found ${found}`);
    await this.barrier();
    const reply = await this.#commands.send('POST', '/v1/confirm', { id: trial.id });
    if (!JSON.stringify(reply?.body).includes('confirmation_late'))
      book.complain(`confirm ${trial.id}: expected it to be late, found ${wordOf(reply)}`);
  }

  /** Whatever was recorded before this change is in force when it is. */
  async barrier(): Promise<void> {
    const pool = ['fickle-a', 'fickle-b'][this.#barriers++ % 2];
    await this.#commands.send('PUT', '/v1/domains/barrier.test', { pool });
  }

  /** Once another may be begun. */
  async decided({ id, untilMs }: Trial): Promise<void> {
    const end = untilMs + UNDONE_WITHIN_MS;
    for (let found = ''; performance.now() < end; await pause(10)) {
      found = JSON.stringify((await this.#asked('/v1/confirmations')).body);
      if (!found.includes(id)) return;
    }
    this.#witnesses.book.complain(`trial ${id}: expected it to be decided`);
  }

  async #state(): Promise<State> {
    return (await this.#asked<State>('/v1/state')).body;
  }

  /** Until it is answered: a part of the router may have crashed just now. */
  async #asked<T>(path: string): Promise<Reply<T>> {
    for (;;) {
      const reply = await this.#scene.admin.get<T>(path).catch(() => undefined);
      if (reply?.status === 200) return reply;
      await pause(20);
    }
  }

  /** Of these domains alone. */
  #textOf({ domains }: State, of: object): string {
    const own = Object.entries(domains).filter(([name]) => name in of);
    return JSON.stringify(Object.fromEntries(own));
  }
}

function wordOf(reply: Reply | undefined): string {
  return `${reply?.status} ${JSON.stringify(reply?.body)}`;
}
