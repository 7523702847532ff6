/** Commands of the control plane, each repeated under its key until its answer is definite. */
import { setTimeout } from 'node:timers/promises';
import type { AdminClient, Method, Reply } from '../../../test/support/admin-client.ts';
import { pause } from '../../../test/support/eventually.ts';
import type { Backend } from './backend.ts';
import type { Book } from './book.ts';

// Longer than an owner is parked, or a crashed part is away.
const DEFINITE_WITHIN_MS = 20_000;

export class Commands {
  readonly #admin: AdminClient;
  readonly #book: Book;
  /** How many of each kind: for the reader. */
  readonly done = new Map<string, number>();
  #keys = 0;
  #underWay = 0;
  #held: Promise<void> | undefined;

  constructor(admin: AdminClient, book: Book) {
    this.#admin = admin;
    this.#book = book;
  }

  /** While no command of anybody's is under way, and none begins. */
  async alone(act: () => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    while (this.#underWay > 0) await pause(1);
    await act();
    this.#held = undefined;
    resolve();
  }

  /** Its last answer. */
  async send(method: Method, path: string, body?: object): Promise<Reply | undefined> {
    while (this.#held !== undefined) await this.#held;
    this.#underWay++;
    const reply = await this.repeat(method, path, body);
    this.#underWay--;
    return reply;
  }

  /** For whoever is alone. */
  async repeat(method: Method, path: string, body?: object): Promise<Reply | undefined> {
    const key = `soak-${this.#keys++}`;
    this.count(`${method} ${path.split(/[/?]/)[2]}`);
    this.#book.note(`${method} ${path} ${body === undefined ? '' : JSON.stringify(body)}`);
    let last: Reply | undefined;
    for (const end = performance.now() + DEFINITE_WITHIN_MS; performance.now() < end; ) {
      last = await this.#answer(`${method} ${path}`, this.#admin.send(method, path, body, { key }));
      if (last !== undefined && last.status <= 500) break;
      await pause(20);
    }
    const isDone = last !== undefined && (last.status < 300 || mayBeRefused(method, path, last.status));
    if (!isDone)
      this.#book.complain(`${method} ${path}: expected success, found ${last?.status} ${bodyOf(last)}`);
    return last;
  }

  /** The admin part may be the one that is down just then, and what is being restarted cannot crash. */
  async crash(actor: string, at?: string): Promise<void> {
    this.count(`crash ${actor.split(':')[0]}`);
    this.#book.note(`crash ${actor} ${at ?? ''}`);
    const wish = { crash: actor, ...(at === undefined ? {} : { at }) };
    const reply = await this.#answer(`chaos ${actor}`, this.#admin.post('/v1/chaos', wish));
    if (reply === undefined || reply.status < 500 || reply.status === 503) return;
    this.#book.complain(`chaos ${actor}: ${reply.status} ${bodyOf(reply)}`);
  }

  /** Undefined: there was none, since the connection broke. One that is never answered is a fault. */
  async #answer(what: string, sent: Promise<Reply>): Promise<Reply | undefined> {
    const silence = new AbortController();
    const late = pauseUnless(silence.signal, DEFINITE_WITHIN_MS).then((isLate) => {
      if (isLate)
        this.#book.complain(`${what}: expected an answer within ${DEFINITE_WITHIN_MS} ms, found none`);
      return undefined;
    });
    const reply = await Promise.race([sent.catch(() => undefined), late]);
    silence.abort();
    return reply;
  }

  async put(backend: Backend, more: object = {}): Promise<Reply | undefined> {
    const answered = backend.wish('in');
    const reply = await this.send('PUT', backend.path, { address: backend.address, ...more });
    answered();
    return reply;
  }

  async remove(backend: Backend): Promise<Reply | undefined> {
    const answered = backend.wish('out');
    const reply = await this.send('DELETE', backend.path);
    answered();
    return reply;
  }

  async drain(backend: Backend, timeoutMs: number): Promise<Reply | undefined> {
    const answered = backend.wish('draining');
    const reply = await this.send('POST', `${backend.path}/drain`, { timeoutMs });
    answered();
    return reply;
  }

  /** The same for each backend of a pool. */
  async limitTo(backends: readonly Backend[], limit: number, settings: object): Promise<void> {
    const answered = backends.map((backend) => backend.wishLimit(limit));
    await this.send('PUT', `/v1/pools/${backends[0]?.pool}`, { ...settings, maxConcurrency: limit });
    for (const inForce of answered) inForce();
  }

  count(what: string): void {
    this.done.set(what, (this.done.get(what) ?? 0) + 1);
  }
}

/** True: so much time went by, and nobody stopped it. */
function pauseUnless(signal: AbortSignal, ms: number): Promise<boolean> {
  return setTimeout(ms, true, { signal }).catch(() => false);
}

// A backend that is removed already, a worker that is just being replaced, and a change on trial that was undone first, or that
// has to wait until another is.
function mayBeRefused(method: Method, path: string, status: number): boolean {
  if (status === 404) return method === 'DELETE' || path.endsWith('/drain');
  return status === 409 && /workers|confirm/.test(path);
}

function bodyOf(reply: Reply | undefined): string {
  return JSON.stringify(reply?.body);
}
