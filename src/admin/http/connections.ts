/** The connections to the admin API: a limited number; an idle one is closed to make room for a new one. */
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

// 256: operators, their dashboards, and metrics; never the world. And 32 to spare.
export const MOST_CONNECTIONS = 288;
// Of those, so that probes are answered in a full house, and others told of it.
const SPARE_SHARE = 9;
// 100: who sends more before the first of them is answered is read no further until then.
const MOST_BEHIND = 100;

export class Connections {
  /** That may be at work. */
  readonly most: number;
  /** Without a request under way, who is so for longest first. */
  readonly #idle = new Set<Socket>();
  /** The answers under way on each; a client may send the next request before it has one. */
  readonly #busy = new Map<Socket, Set<ServerResponse>>();

  /** `open`: so many, with those to spare. */
  constructor(server: Server, open = MOST_CONNECTIONS) {
    this.most = open - Math.ceil(open / SPARE_SHARE);
    server.maxConnections = open;
    server.on('connection', (socket: Socket) => this.#came(socket));
  }

  /** With each request. False: it is one more than may be at work. */
  enter(socket: Socket, response: ServerResponse): boolean {
    this.#idle.delete(socket);
    const answers = this.#busy.get(socket);
    if (answers === undefined) this.#busy.set(socket, new Set([response]));
    else answers.add(response);
    // In the next turn: Node goes on to read behind each request that is whole.
    if (this.#hasMany(socket)) setImmediate(() => this.#hasMany(socket) && socket.pause());
    response.once('close', () => this.#left(socket, response));
    return this.#busy.size <= this.most;
  }

  /** Whether a refusal of what cannot be read there is taken for one: it is no part, and in no place, of another answer. */
  mayRefuse(socket: Socket): boolean {
    const [answer, ...others] = this.#busy.get(socket) ?? [];
    if (answer === undefined) return true;
    const isOfItsBody = others.length === 0 && !answer.req.complete;
    return isOfItsBody && !answer.headersSent;
  }

  #hasMany(socket: Socket): boolean {
    return (this.#busy.get(socket)?.size ?? 0) > MOST_BEHIND;
  }

  #came(socket: Socket): void {
    this.#idle.add(socket);
    socket.once('close', () => {
      this.#idle.delete(socket);
      // Answers that wait behind others there are not told of its end.
      this.#busy.delete(socket);
    });
    if (this.#idle.size + this.#busy.size <= this.most) return;
    const [longest] = this.#idle;
    if (longest !== socket) longest?.destroy();
  }

  #left(socket: Socket, response: ServerResponse): void {
    const answers = this.#busy.get(socket);
    answers?.delete(response);
    if (answers?.size === MOST_BEHIND) socket.resume();
    if (answers !== undefined && answers.size > 0) return;
    this.#busy.delete(socket);
    if (!socket.destroyed) this.#idle.add(socket);
  }
}
