/**
 * vegur's toy router: every decision about a request in one object.
 * `node examples/toy-router.ts [PORT]`, then `curl -H 'Host: shop.example' http://127.0.0.1:8080/`
 */
// In a program of its own: from 'switchyard'.
import { createSwitchyard, type Decisions, refuse } from '../src/index.ts';
import { startExampleBackend } from './backend.ts';

type Instance = { readonly name: string; readonly address: string; busy: number };
type App = { readonly name: string; readonly instances: readonly Instance[] };
type State = { readonly tried: Set<Instance>; chosen: string };

const [port = '8080'] = process.argv.slice(2);
const [one, two] = [await startExampleBackend('shop.1'), await startExampleBackend('shop.2')];
const instances = [
  { name: one.name, address: one.address, busy: 0 },
  { name: two.name, address: two.address, busy: 0 },
  // Nothing listens here: a request that gets this one is retried on another, unnoticed by its client.
  { name: 'shop.3', address: '127.0.0.1:1', busy: 0 },
];
const apps = new Map<string, App>([
  ['shop.example', { name: 'shop', instances }],
  ['empty.example', { name: 'empty', instances: [] }],
]);

const decisions: Decisions<App, Instance, State> = {
  init: () => ({ tried: new Set(), chosen: '' }),

  lookupDomain(host) {
    if (host === 'old.example') return { redirect: 'shop.example' };
    const app = apps.get(host);
    return app === undefined ? refuse('app_not_found') : { domain: app };
  },

  /** The least busy instance that this request has not tried. */
  checkout(app, { state }) {
    const left = app.instances.filter((instance) => !state.tried.has(instance));
    const chosen = left.sort((a, b) => a.busy - b.busy)[0];
    if (chosen === undefined)
      return refuse(app.instances.length === 0 ? 'no_web_processes' : 'econn_refused');
    state.tried.add(chosen);
    state.chosen = chosen.name;
    chosen.busy++;
    return chosen;
  },

  backendOf: ({ address, name }) => ({ address, name, keepAlive: true }),

  checkin(_app, instance, phase, end) {
    instance.busy--;
    if (phase === 'connecting') process.stdout.write(`${instance.name}: ${end}\n`);
  },

  feature: (name) => (name === 'end-to-end-continue' ? 'enabled' : 'disabled'),

  additionalHeaders: (direction, { state }) =>
    direction === 'upstream' ? { 'Instance-Name': state.chosen } : { 'X-Served-By': state.chosen },

  errorPage: (reason, app) => ({
    status: reason === 'app_not_found' ? 404 : 503,
    headers: { 'Content-Type': 'text/plain' },
    body: `${app?.name ?? 'no app'}: ${reason}\n`,
  }),

  finished({ method, target }, { reason }, { status, totalMs }) {
    process.stdout.write(`${method} ${target} ${status} ${reason} ${totalMs} ms\n`);
  },
};

const router = createSwitchyard({ decisions, listeners: [{ address: `127.0.0.1:${port}` }] });
const [address] = await router.listen();
process.stdout.write(`listening on http://${address}\n`);
