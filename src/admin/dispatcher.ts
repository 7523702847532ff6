/** One call of the admin API, from its head to its reply: who may make it, which route it takes, and how a failure is told. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DataUnusable, EventUnreadable, LogUnavailable } from '../../eventlog/index.ts';
import { parseHostPort } from '../config/index.ts';
import { Unanswerable } from '../history/index.ts';
import { CommandNotes } from './command-notes.ts';
import {
  announcedBytes,
  checkExpectation,
  checkMediaType,
  readBody,
  readBytes,
  readWhole,
} from './http/body.ts';
import { BodyRoom } from './http/body-room.ts';
import type { HeldBody } from './http/call.ts';
import { checkUnconditional } from './http/command-headers.ts';
import { checkHost, checkOrigin, checkToken, checkWay, type GuardOptions } from './http/guard.ts';
import { problem, Refused, rejected, unanswered } from './http/problem.ts';
import type { Reply } from './http/reply.ts';
import { match } from './match.ts';
import type { AdminOptions } from './ports.ts';
import { type Route, routesOf } from './routes.ts';

export class Dispatcher {
  readonly #options: AdminOptions;
  readonly #guard: GuardOptions;
  readonly #routes: readonly Route[];
  /** Paths that answer without a token. */
  readonly #open: ReadonlySet<string>;
  readonly #notes: CommandNotes;
  readonly #bodies = new BodyRoom();
  readonly #closing: AbortSignal;

  /** `closing` aborts when streams and waits have to end. */
  constructor(options: AdminOptions, closing: AbortSignal) {
    this.#options = options;
    this.#closing = closing;
    this.#guard = { names: options.names.map(nameOf), token: options.token };
    // A route that is switched off does not exist, so that it cannot be told apart from one that never did.
    this.#routes = routesOf(options.chaos !== undefined);
    this.#open = new Set(this.#routes.filter(({ open }) => open).map(pathOf));
    this.#notes = new CommandNotes(options.logger);
  }

  /**
   * The reply to one call, whatever becomes of it. `refusal`: why it may not be answered, unless its path is open. `signal`
   * aborts when the client has left.
   */
  async answer(
    request: IncomingMessage,
    response: ServerResponse,
    refusal: Refused | undefined,
    signal: AbortSignal,
  ): Promise<Reply> {
    try {
      signal.throwIfAborted();
      return await this.#handled(request, response, refusal, signal);
    } catch (error) {
      return this.#translated(error, request);
    }
  }

  /** Tells the process log of a call that failed through no fault of its caller. */
  fault(error: unknown, { method, url, socket }: IncomingMessage): void {
    // The client left in the middle of its own request: nobody is to blame, and nobody is left to tell.
    if (socket.destroyed) return;
    this.#options.logger.error({ err: error, method, url }, 'admin call failed');
  }

  /** The commands that were not noted yet. */
  tellNotes(): void {
    this.#notes.tell();
  }

  async #handled(
    request: IncomingMessage,
    response: ServerResponse,
    refusal: Refused | undefined,
    signal: AbortSignal,
  ): Promise<Reply> {
    const startedAtMs = this.#options.now();
    const { method = 'GET', headers, url = '' } = request;
    checkHost(request, this.#guard);
    checkOrigin(request);
    checkWay(request, this.#guard);
    const open = this.#open.has(url.split('?', 1)[0]!);
    if (!open) checkToken(request, this.#guard);
    // A router with many operators must not be restarted for that, so probes are answered even when the API is full.
    if (!open && refusal !== undefined) throw refusal;
    checkExpectation(request);
    const { route, params, query } = match(this.#routes, method, url);
    if (route.method !== 'GET') checkMediaType(request);
    if (route.method === 'POST') checkUnconditional(request);
    const body = () => readBody(request, route.limitBytes);
    const whole = () => this.#heldBody(request, response, route.limitBytes, signal);
    const gone = () => AbortSignal.any([this.#closing, signal]);
    const bytes = (withinMs?: number) => readBytes(request, withinMs);
    const call = { method, params, query, headers, body, whole, bytes, signal, gone };
    const reply = await route.handler(call, this.#options);
    if (route.method === 'GET') return reply;
    const ms = this.#options.now() - startedAtMs;
    const noted = () => this.#notes.add({ request, reply, ms });
    // Noted when the response has been sent, or now if the client has left.
    if (response.closed) noted();
    else response.once('close', noted);
    return reply;
  }

  async #heldBody(
    request: IncomingMessage,
    response: ServerResponse,
    limitBytes: number,
    signal: AbortSignal,
  ): Promise<HeldBody | undefined> {
    const room = await this.#bodies.enter(announcedBytes(request, limitBytes), signal);
    const letGo = () => room[Symbol.dispose]();
    response.once('close', letGo);
    const bytes = await readWhole(request, limitBytes);
    return bytes && { bytes, [Symbol.dispose]: letGo };
  }

  #translated(error: unknown, request: IncomingMessage): Reply {
    if (error instanceof Refused) return error.reply;
    if (error instanceof Unanswerable) return unanswered(error);
    if (error instanceof LogUnavailable) {
      return rejected({
        type: error.code === 'log_full' ? 'log_full' : 'log_unavailable',
        detail: error.message,
      });
    }
    if (error instanceof DataUnusable) return rejected({ type: 'log_unavailable', detail: error.message });
    if (error instanceof EventUnreadable) return problem('unreadable', error.message);
    this.fault(error, request);
    // Details of an internal error belong in the log, where the operator reads them, not in the response.
    return problem('internal_error', 'see the log of the process');
  }
}

function pathOf({ pattern }: Route): string {
  return `/${pattern.join('/')}`;
}

function nameOf(name: string): string {
  return (parseHostPort(name) ?? parseHostPort(`${name}:80`))?.host ?? name.toLowerCase();
}
