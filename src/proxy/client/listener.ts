/** One listening address with its settings, prepared once: networks parsed, connections counted. */
import { createServer, type Server, type Socket } from 'node:net';
import type { ListenerSettings } from '../../config/index.ts';
import { type Networks, parseNetworks } from '../../wire/index.ts';
import type { Headcount } from '../headcount.ts';
import { HIGH_WATER_BYTES } from '../high-water.ts';
import { lostByClosing } from './accept-queue.ts';

export class Listener {
  readonly settings: ListenerSettings;
  readonly trusted: Networks;
  readonly server: Server;
  port = 0;
  readonly #headcount: Headcount;
  readonly #name: string;
  readonly #scarce: (what: string) => void;

  constructor(
    settings: ListenerSettings,
    headcount: Headcount,
    accepted: (socket: Socket, listener: Listener) => void,
    scarce: (what: string) => void = () => {},
  ) {
    const networks = parseNetworks(settings.trustForwarded);
    if (!networks.ok) throw new RangeError(`trustForwarded: ${networks.problem}`);
    this.settings = settings;
    this.#headcount = headcount;
    this.#scarce = scarce;
    this.#name = `listener ${settings.address}`;
    this.trusted = networks.value;
    // A client's FIN must not end our side: a response may still be due, and an error page must be readable to its end.
    const options = { allowHalfOpen: true, noDelay: true, highWaterMark: HIGH_WATER_BYTES };
    this.server = createServer(options, (socket) => accepted(socket, this));
  }

  listen(options: {
    host: string;
    port: number;
    reusePort: boolean;
  }): Promise<{ address: string; port: number }> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen({ ...options, backlog: 4096 }, () => {
        this.server.removeListener('error', reject);
        const bound = this.server.address();
        if (bound === null || typeof bound === 'string') throw new TypeError('expected a TCP address');
        this.port = bound.port;
        resolve({ address: bound.address, port: bound.port });
      });
    });
  }

  /** Closes; returns how many unaccepted connections are lost by it; undefined: unknown. */
  closeCounting(): number | undefined {
    if (!this.server.listening) return 0;
    const lost = lostByClosing(this.server);
    this.server.close();
    return lost;
  }

  /** Closes without counting, which takes 0.1 ms in which more connections arrive and are lost. */
  close(): void {
    if (this.server.listening) this.server.close();
  }

  /** False: a limit is reached, in all or for this peer. Every admitted connection must call `left`. */
  admits(peer: string): boolean {
    const { connections } = this.settings.limits;
    if (connections > 0 && !this.#headcount.enter(this.#name, connections)) {
      this.#scarce(`${this.#name} refuses connections: ${connections} are open (limits.connections)`);
      return false;
    }
    // All connections of a load balancer have one peer address; the client's follows in the PROXY header.
    if (this.settings.proxyProtocol || this.admitsFrom(peer)) return true;
    this.left(undefined);
    return false;
  }

  /** The same for the limit per address alone. */
  admitsFrom(address: string): boolean {
    const most = this.settings.limits.connectionsPerAddress;
    if (most === 0 || this.#headcount.enter(this.#nameOf(address), most)) return true;
    this.#scarce(
      `${this.#name} refuses connections: ${most} from one address are open (limits.connectionsPerAddress)`,
    );
    return false;
  }

  /** `address`: the one that the connection was counted under; undefined: none. */
  left(address: string | undefined): void {
    const { connections, connectionsPerAddress } = this.settings.limits;
    if (connections > 0) this.#headcount.leave(this.#name);
    if (connectionsPerAddress > 0 && address !== undefined) this.#headcount.leave(this.#nameOf(address));
  }

  // Host names contain no blanks, so these names cannot equal a domain's.
  #nameOf(address: string): string {
    return `${this.#name} ${address}`;
  }
}
