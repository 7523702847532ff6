/** How somebody takes what is sent to him: at once, not for a while, in sips, or so when the system holds all it can for him. */
import type { Socket } from 'node:net';
import type { Chance } from '../../../test/support/chance.ts';

export type Reading = 'at-once' | 'late' | 'sips' | 'when-full';

// Long enough that the system is full of what is sent meanwhile, short of any deadline.
const MOST_LATE_MS = 500;
// Some megabytes take so long where others send too.
const FULL_MS = 3000;
const MOST_BETWEEN_SIPS_MS = 20;
// As long: on a busy machine few sips come in a second, and a listener gives a body three.
const MOST_SIPPING_MS = MOST_LATE_MS;

export class Reader {
  readonly #socket: Socket;
  readonly #chance: Chance;
  #reading: Reading = 'at-once';
  #sipsUntilMs = 0;
  #waits: NodeJS.Timeout | undefined;

  constructor(socket: Socket, chance: Chance) {
    this.#socket = socket;
    this.#chance = chance;
  }

  /** It takes nothing just now: an end that is here is not seen. */
  get rests(): boolean {
    return this.#waits !== undefined;
  }

  /** From now on. */
  read(reading: Reading): void {
    this.#reading = reading;
    this.#sipsUntilMs = performance.now() + MOST_SIPPING_MS + (reading === 'when-full' ? FULL_MS : 0);
    if (reading === 'late') this.#rest(this.#chance.below(MOST_LATE_MS));
    if (reading === 'when-full') this.#rest(FULL_MS);
    if (reading === 'at-once') this.#goOn();
  }

  /** Something was read. */
  took(): void {
    const sips = this.#reading === 'sips' || this.#reading === 'when-full';
    if (sips && performance.now() < this.#sipsUntilMs) this.#rest(this.#chance.below(MOST_BETWEEN_SIPS_MS));
  }

  #rest(ms: number): void {
    this.#socket.pause();
    clearTimeout(this.#waits);
    this.#waits = setTimeout(() => this.#goOn(), ms);
  }

  #goOn(): void {
    clearTimeout(this.#waits);
    this.#waits = undefined;
    this.#socket.resume();
  }
}
