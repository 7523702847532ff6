/**
 * Routes from a slow source, such as a database or a service. Concurrent requests share one lookup, the answer is cached for a
 * while, and a stale answer is used while the source is down.
 * `node examples/dynamic-lookup.ts [PORT]`, then `curl -H 'Host: a.example' http://127.0.0.1:8080/`
 */
import { setTimeout as pause } from 'node:timers/promises';
// In a program of its own: from 'switchyard'.
import { createSwitchyard, refuse } from '../src/index.ts';
import { startExampleBackend } from './backend.ts';

type Route = { readonly host: string; readonly addresses: readonly string[] };

/** Stands in for the real source: it knows every host under `.example`, takes 50 ms, and fails for `broken.example`. */
class SlowSource {
  readonly #addresses: readonly string[];
  asked = 0;
  constructor(addresses: readonly string[]) {
    this.#addresses = addresses;
  }

  async route(host: string): Promise<Route | undefined> {
    this.asked++;
    await pause(50);
    if (host === 'broken.example') throw new Error('the source is down');
    return host.endsWith('.example') ? { host, addresses: this.#addresses } : undefined;
  }
}

class RouteCache {
  readonly #source: SlowSource;
  readonly #known = new Map<string, { readonly route: Route | undefined; readonly untilMs: number }>();
  readonly #asking = new Map<string, Promise<Route | undefined>>();

  constructor(source: SlowSource) {
    this.#source = source;
  }

  async route(host: string): Promise<Route | undefined> {
    const known = this.#known.get(host);
    if (known !== undefined && known.untilMs > Date.now()) return known.route;
    try {
      return await this.#ask(host);
    } catch (error) {
      if (known === undefined) throw error;
      return known.route;
    }
  }

  #ask(host: string): Promise<Route | undefined> {
    const asking = this.#asking.get(host) ?? this.#askOnce(host).finally(() => this.#asking.delete(host));
    this.#asking.set(host, asking);
    return asking;
  }

  async #askOnce(host: string): Promise<Route | undefined> {
    const route = await this.#source.route(host);
    // 5 s: changes are seen soon, and a busy host causes twelve lookups a minute.
    this.#known.set(host, { route, untilMs: Date.now() + 5000 });
    return route;
  }
}

const [port = '8080'] = process.argv.slice(2);
const backends = [await startExampleBackend('web.1'), await startExampleBackend('web.2')];
const source = new SlowSource(backends.map((backend) => backend.address));
const routes = new RouteCache(source);

const router = createSwitchyard({
  listeners: [{ address: `127.0.0.1:${port}` }],
  // A request that waits longer than this for its route gets an error.
  decisionMs: 2000,
  decisions: {
    async lookupDomain(host) {
      try {
        const route = await routes.route(host);
        return route === undefined ? undefined : { domain: route };
      } catch {
        return refuse('app_lookup_failed');
      }
    },
    checkout: ({ addresses }, _request, attempt) => addresses[(attempt - 1) % addresses.length],
    additionalHeaders: (direction) =>
      direction === 'downstream' ? { 'X-Source-Asked': `${source.asked}` } : {},
  },
});
const [address] = await router.listen();
process.stdout.write(`listening on http://${address}\n`);
