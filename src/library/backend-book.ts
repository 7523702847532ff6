/**
 * The backends a program has named so far, one route object for each: the plane finds a route's connections by its
 * identity, and a new object per request would cost more than the request.
 */
import type { BackendRoute } from '../proxy/index.ts';
import { backendFound } from './answers.ts';
import type { Backend } from './decisions.ts';

// 10 000: more than one process talks to at a time. Beyond it the book starts anew, which costs only time.
const MOST = 10_000;

export class BackendBook {
  readonly #settings: BackendRoute['settings'];
  readonly #routes = new Map<string, BackendRoute>();

  constructor(settings: BackendRoute['settings']) {
    this.#settings = settings;
  }

  /** Throws if the given value is not a valid address. */
  routeTo(given: Backend): BackendRoute {
    const { address, name, connection } = backendFound(given);
    const where = 'path' in address ? `unix:${address.path}` : `${address.host} ${address.port}`;
    const entry = `${connection ?? ''} ${where} ${name}`;
    const known = this.#routes.get(entry);
    if (known !== undefined) return known;
    if (this.#routes.size >= MOST) this.#routes.clear();
    const plain = { id: name, key: 0, address, settings: this.#settings };
    const route = connection === undefined ? plain : { ...plain, connection };
    this.#routes.set(entry, route);
    return route;
  }
}
