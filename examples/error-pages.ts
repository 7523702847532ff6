/**
 * A router with custom error pages: HTML for people, JSON for programs, a maintenance page with Retry-After.
 * `node examples/error-pages.ts [PORT]`, then `curl -i -H 'Host: away.example' http://127.0.0.1:8080/`
 */
// In a program of its own: from 'switchyard'.
import { createSwitchyard, type ErrorPage, type IncomingRequest, refuse } from '../src/index.ts';
import { startExampleBackend } from './backend.ts';

type Site = { readonly name: string; readonly address: string; readonly inMaintenance: boolean };

const [port = '8080'] = process.argv.slice(2);
const backend = await startExampleBackend('web.1');
const sites = new Map<string, Site>([
  ['shop.example', { name: 'The Shop', address: backend.address, inMaintenance: false }],
  ['away.example', { name: 'Away', address: backend.address, inMaintenance: true }],
  ['gone.example', { name: 'Gone', address: '127.0.0.1:1', inMaintenance: false }],
]);

/** Status and text for each reason; all others are shown as a fault. */
const WORDS: Readonly<Record<string, { readonly status: number; readonly says: string }>> = {
  domain_unknown: { status: 404, says: 'There is no such site.' },
  maintenance: { status: 503, says: 'is being worked on. Please come back in ten minutes.' },
  connect_refused: { status: 502, says: 'is not there at the moment.' },
};
const FAULT = { status: 503, says: 'has a fault.' };

function pageFor(reason: string, site: Site | undefined, request: IncomingRequest): ErrorPage {
  const { status, says } = WORDS[reason] ?? FAULT;
  const wait = reason === 'maintenance' ? { 'Retry-After': '600' } : {};
  if (request.header('accept')?.includes('json')) {
    const body = JSON.stringify({ error: reason, request: request.id });
    return { status, headers: { ...wait, 'Content-Type': 'application/json' }, body };
  }
  const text = site === undefined ? says : `${site.name} ${says}`;
  const body = `<!doctype html><title>${status}</title><h1>${text}</h1><p><small>${request.id}</small></p>\n`;
  return { status, headers: wait, body };
}

const router = createSwitchyard({
  listeners: [{ address: `127.0.0.1:${port}` }],
  decisions: {
    lookupDomain(host) {
      const site = sites.get(host);
      return site === undefined ? undefined : { domain: site };
    },
    checkout: (site) => (site.inMaintenance ? refuse('maintenance') : site.address),
    errorPage: pageFor,
  },
});
const [address] = await router.listen();
process.stdout.write(`listening on http://${address}\n`);
