/** After the last client has left: nothing is held, nobody waits, the books agree, and the past can be told. */
import { type AdminClient, ledgerOf } from '../../../test/support/admin-client.ts';
import { pause } from '../../../test/support/eventually.ts';
import type { Asked, Book, Moments } from './book.ts';
import { budgetFault } from './budget.ts';
import { codeOf } from './judge.ts';
import { isUnreadable } from './plan.ts';
import type { RouterLog } from './router-log.ts';
import type { Scene } from './scene.ts';
import { poolsOf, TENANTS } from './tenants.ts';

// Longer than a lease is kept after an abort, and an idle connection to a backend.
const QUIET_WITHIN_MS = 15_000;
const SAMPLE = 200;
// The router gives a question ten seconds; on a machine that others use too that is little now and then.
const QUERY_TIMES = 6;

type State = {
  readonly pools: Readonly<
    Record<string, { readonly backends: Readonly<Record<string, { address: string; state?: string }>> }>
  >;
};

export class Aftermath {
  readonly #scene: Scene;
  readonly #admin: AdminClient;
  readonly #book: Book;
  readonly #moments: Moments;
  readonly #log: RouterLog;

  constructor(scene: Scene, book: Book, moments: Moments, log: RouterLog) {
    this.#scene = scene;
    this.#admin = scene.admin;
    this.#book = book;
    this.#moments = moments;
    this.#log = log;
  }

  async check(): Promise<void> {
    await this.#isQuiet();
    await this.#kept();
    await this.#counts();
    await this.#budget();
    this.#logged();
    await this.#recorded();
    await this.#explained();
    await this.#sound('/v1/verify', {});
    await this.#sound('/v1/replay', { verify: true });
  }

  /** Ledgers, metrics and backends, until all say so. */
  async #isQuiet(): Promise<void> {
    let found = '';
    for (const end = performance.now() + QUIET_WITHIN_MS; performance.now() < end; await pause(100)) {
      found = await this.#busy();
      if (found === '') return;
    }
    this.#book.complain(`expected quiet after the last client, found ${found}`);
  }

  async #busy(): Promise<string> {
    const found: string[] = [];
    for (const pool of TENANTS.flatMap(poolsOf)) {
      const { waiting, backends } = await ledgerOf(this.#admin, pool);
      if (waiting > 0) found.push(`${pool}: ${waiting} waiting`);
      for (const [name, { inFlight }] of Object.entries(backends))
        if (inFlight > 0) found.push(`${name}: ${inFlight} in flight`);
    }
    const metrics = await this.#metrics();
    for (const name of [
      'in_flight',
      'waiting',
      'requests_in_flight',
      'upstream_connections',
      'client_connections',
    ])
      if (figureOf(metrics, name) !== 0) found.push(`switchyard_${name} ${figureOf(metrics, name)}`);
    for (const { name, open } of this.#scene.backends)
      if (open > 0) found.push(`${name} itself: ${open} connections`);
    return found.join(', ');
  }

  /** What was commanded last, and nothing else. */
  async #kept(): Promise<void> {
    const { body } = await this.#admin.must<State>('GET', '/v1/state');
    for (const pool of TENANTS.flatMap(poolsOf)) {
      const own = this.#scene.backends.filter((backend) => backend.pool === pool);
      const wished = own.map(({ id, address }) => `${id} at ${address}`).toSorted();
      const inForce = Object.entries(body.pools[pool]?.backends ?? {});
      const found = inForce.map(([id, { address, state }]) => `${id} at ${address}${state ?? ''}`).toSorted();
      if (found.join() !== wished.join())
        this.#book.complain(`${pool}: expected ${wished.join()}, found ${found.join()}`);
      const rows = Object.keys((await ledgerOf(this.#admin, pool)).backends).toSorted();
      const ids = own.map(({ id }) => id).toSorted();
      if (rows.join() !== ids.join())
        this.#book.complain(`the ledger of ${pool}: expected rows of ${ids.join()}, found ${rows.join()}`);
    }
  }

  async #budget(): Promise<void> {
    const { workers } = this.#scene;
    const lastedMs = performance.now() - this.#scene.beganAtMs;
    const replaced = figureOf(await this.#metrics(), 'worker_replacements_total');
    const lives = { count: workers + this.#moments.count('worker') + replaced, workers, lastedMs };
    const fault = budgetFault([...this.#book.asked.values()], lives);
    if (fault !== undefined) this.#book.complain(`the retry budget: ${fault}`);
  }

  async #counts(): Promise<void> {
    const metrics = await this.#metrics();
    // A worker that crashed takes its counts along.
    const [out, back] = [figureOf(metrics, 'checkouts_total'), figureOf(metrics, 'checkins_total')];
    if (this.#moments.count('worker') === 0 && out !== back)
      this.#book.complain(`expected as many check-ins as ${out} check-outs, found ${back}`);
    const dropped = figureOf(metrics, 'log_lines_dropped_total');
    if (dropped > 0) this.#book.complain(`${dropped} lines of the access log were dropped`);
  }

  /** One line for each request that anybody has seen, and the line says what the client saw. */
  #logged(): void {
    if (this.#log.strange > this.#malformed)
      this.#book.complain(`${this.#log.strange} lines of requests nobody made`);
    for (const asked of this.#book.asked.values()) {
      const fault = this.#loggedWrong(asked);
      if (fault !== undefined) this.#book.complain(`the log of ${asked.request.id}: ${fault}`);
    }
  }

  /** Heads that were left unfinished, or were no heads, are logged without their path. */
  get #malformed(): number {
    const asked = [...this.#book.asked.values()];
    return asked.filter(({ request }) => isUnreadable(request) || request.misdeed === 'leave-amid-request')
      .length;
  }

  #loggedWrong({ request, attempts, got, logged, sentAtMs, overAtMs }: Asked): string | undefined {
    const [line] = logged;
    if (logged.length > 1) return `expected one line, found ${JSON.stringify(logged)}`;
    if (isUnreadable(request)) return undefined;
    if (line === undefined) {
      const isLost = this.#moments.within('worker', sentAtMs, overAtMs + 1000);
      return isLost || (attempts.length === 0 && got === undefined)
        ? undefined
        : 'expected a line, found none';
    }
    if (got === undefined) return undefined;
    if (got.status !== line.status) return `expected status ${got.status}, found ${JSON.stringify(line)}`;
    if (got.fields.has('x-attempt') || !got.isWhole || request.method === 'HEAD') return undefined;
    const code = codeOf(Buffer.concat(got.body).toString('latin1'));
    return code === line.code ? undefined : `expected code ${code}, found ${JSON.stringify(line)}`;
  }

  /** As many in the journal as in the access log, but for what the journal says it lost, and for workers that crashed. */
  async #recorded(): Promise<void> {
    const metrics = await this.#metrics();
    const rows = await this.#query<number>({ sql: 'SELECT count(*) FROM v1_requests' });
    const recorded = rows[0]?.[0] ?? 0;
    const lost = figureOf(metrics, 'journal_lost_requests_total');
    const isLess = recorded + lost < this.#log.requests;
    if (isLess || (this.#moments.count('worker') === 0 && recorded + lost > this.#log.requests))
      this.#book.complain(
        `the journal: expected ${this.#log.requests} requests, found ${recorded} and ${lost} lost`,
      );
    const gaps = figureOf(metrics, 'journal_gaps_total');
    if (gaps > 0 && lost === 0 && figureOf(metrics, 'journal_lost_operations_total') === 0)
      this.#book.complain(`the journal: ${gaps} gaps in which nothing was lost`);
  }

  async #explained(): Promise<void> {
    const sql = 'SELECT id, request_id, outcome, path FROM v1_requests';
    const rows = await this.#query<string>({ sql, limit: 10_000 });
    const step = Math.max(1, Math.floor(rows.length / SAMPLE));
    for (let i = 0; i < rows.length; i += step) {
      const [id, requestId, outcome] = rows[i] as string[];
      const { status, body: told } = await this.#admin.get(`/v1/requests/${this.#turn(i, id, requestId)}`);
      if (status !== 200 || !JSON.stringify(told).includes(`"${outcome}"`))
        this.#book.complain(`explain ${id}: expected ${outcome}, found ${status} ${JSON.stringify(told)}`);
    }
  }

  async #query<T>(wish: object): Promise<T[][]> {
    for (let times = 1; times < QUERY_TIMES; times++) {
      const { status, body } = await this.#admin.post<{ rows: T[][] }>('/v1/query', wish);
      if (status === 200) return body.rows;
      if (!JSON.stringify(body).includes('expected an answer within')) break;
    }
    return (await this.#admin.must<{ rows: T[][] }>('POST', '/v1/query', wish)).body.rows;
  }

  #turn(i: number, id: string | undefined, requestId: string | undefined): string {
    return (i % 2 === 0 ? id : requestId) ?? '';
  }

  async #sound(path: string, wish: object): Promise<void> {
    const { status, body } = await this.#admin.post<{ ok?: boolean }>(path, wish);
    if (status !== 200 || body.ok !== true)
      this.#book.complain(`${path}: ${status} ${JSON.stringify(body).slice(0, 3000)}`);
  }

  async #metrics(): Promise<string> {
    return (await this.#admin.must<string>('GET', '/metrics')).body;
  }
}

/** Without its prefix and its labels; 0 where it is not there. */
function figureOf(metrics: string, name: string): number {
  return Number(new RegExp(`^switchyard_${name} (\\S+)$`, 'm').exec(metrics)?.[1] ?? 0);
}
