/**
 * A plain reverse proxy: every request goes to one target, WebSockets included.
 * `node examples/http-proxy.ts http://127.0.0.1:3000 [PORT]`
 */
// In a program of its own: from 'switchyard'.
import { createSwitchyard, type Switchyard } from '../src/index.ts';

export type ProxyOptions = {
  /** An http: URL without a path. The Host the client asked for is kept. */
  readonly target: string;
  readonly port?: number;
};

export function createProxy({ target, port = 8080 }: ProxyOptions): Switchyard {
  const { hostname, port: targetPort, protocol } = new URL(target);
  if (protocol !== 'http:') throw new TypeError(`expected an http: target, found ${protocol}`);
  const backend = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(targetPort || 80) };
  return createSwitchyard({
    listeners: [{ address: `0.0.0.0:${port}` }],
    decisions: { checkout: () => backend },
  });
}

if (import.meta.main) {
  const [target = 'http://127.0.0.1:3000', port = '8080'] = process.argv.slice(2);
  const [address] = await createProxy({ target, port: Number(port) }).listen();
  process.stdout.write(`listening on http://${address}\n`);
}
