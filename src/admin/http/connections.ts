/** The connections to the admin API: a limited number; an idle one is closed to make room for a new one. */
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Refused } from './problem.ts';

// 256 for operators, their dashboards and metrics; never public traffic. And 32 to spare.
export const MOST_CONNECTIONS = 288;
// One in nine is spare, so that probes are answered when the API is full, and others are told that it is.
const SPARE_SHARE = 9;
// 100: a client with more unanswered requests is not read until the first of them is answered.
const MOST_BEHIND = 100;

export class Connections {
  /** The number of connections that may have a request in progress. */
  readonly #most: number;
  /** Connections without a request in progress, longest idle first. */
  readonly #idle = new Set<Socket>();
  /** The responses in progress on each connection; a client may pipeline requests. */
  readonly #busy = new Map<Socket, Set<ServerResponse>>();

  /** `open`: the number of connections, including the spare ones. */
  constructor(server: Server, open = MOST_CONNECTIONS) {
    this.#most = open - Math.ceil(open / SPARE_SHARE);
    server.maxConnections = open;
    server.on('connection', (socket: Socket) => this.#came(socket));
  }

  /** Called with each request. A refusal if it exceeds the number of busy connections allowed. */
  enter(socket: Socket, response: ServerResponse): Refused | undefined {
    this.#idle.delete(socket);
    const answers = this.#busy.get(socket);
    if (answers === undefined) this.#busy.set(socket, new Set([response]));
    else answers.add(response);
    // In the next turn, because Node resumes reading after each complete request.
    if (this.#hasMany(socket)) setImmediate(() => this.#hasMany(socket) && socket.pause());
    response.once('close', () => this.#left(socket, response));
    return this.#busy.size <= this.#most ? undefined : fullHouse(this.#most);
  }

  /** Whether a refusal of unreadable bytes may be sent: it must not become part of another response, or take its place. */
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
      // Responses that wait behind others on this connection do not get a `close` event.
      this.#busy.delete(socket);
    });
    if (this.#idle.size + this.#busy.size <= this.#most) return;
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

function fullHouse(most: number): Refused {
  const detail = `expected at most ${most} connections with a request under way, found more`;
  return new Refused('too_many_connections', detail, {
    headers: { 'retry-after': '1', connection: 'close' },
  });
}
