/** Who is connected to the admin: at most so many, and who asks nothing makes room for who comes. */
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

// 256: operators, their dashboards, and metrics; never the world.
export const MOST_CONNECTIONS = 256;
// Beyond them, so that probes are answered in a full house, and others told of it.
const SPARE = 32;

export class Connections {
  /** Without a request under way, who is so for longest first. */
  readonly #idle = new Set<Socket>();
  /** How many requests are under way on each; a client may send the next before it has the answer. */
  readonly #busy = new Map<Socket, number>();

  constructor(server: Server) {
    server.maxConnections = MOST_CONNECTIONS + SPARE;
    server.on('connection', (socket: Socket) => this.#came(socket));
  }

  /** With each request. False: it is one more than may be at work. */
  enter(socket: Socket, response: ServerResponse): boolean {
    this.#idle.delete(socket);
    this.#busy.set(socket, (this.#busy.get(socket) ?? 0) + 1);
    response.once('close', () => this.#left(socket));
    return this.#busy.size <= MOST_CONNECTIONS;
  }

  #came(socket: Socket): void {
    this.#idle.add(socket);
    socket.once('close', () => this.#idle.delete(socket));
    if (this.#idle.size + this.#busy.size <= MOST_CONNECTIONS) return;
    const [longest] = this.#idle;
    if (longest !== socket) longest?.destroy();
  }

  #left(socket: Socket): void {
    const others = (this.#busy.get(socket) ?? 1) - 1;
    if (others > 0) {
      this.#busy.set(socket, others);
      return;
    }
    this.#busy.delete(socket);
    if (!socket.destroyed) this.#idle.add(socket);
  }
}
