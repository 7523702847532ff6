/** Carries out deeds over the admin API, and complains of what may not be so, whatever others do meanwhile. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { AdminClient, Method, Reply } from '../../../test/support/admin-client.ts';
import type { Deed, Wish } from './deeds.ts';
import type { Past } from './past.ts';

/** What several at once may hear of each other's work, or of a place that an archive took away. */
const EXPECTED: ReadonlySet<string> = new Set([
  'archived',
  'backend_not_found',
  'confirmation_late',
  'confirmation_pending',
  'confirmation_unknown',
  'domain_not_found',
  'drain_withdrawn',
  'pool_in_use',
  'pool_not_found',
  'pool_unknown',
  'version_mismatch',
  'worker_not_replaced',
]);
/** And while something crashes, is killed or hands over. */
const TROUBLED: ReadonlySet<string> = new Set([
  'actor_not_running',
  'actor_unknown',
  'history_unavailable',
  'log_unavailable',
  'owner_unavailable',
  'router_stopping',
]);
/** An archive is made by one at a time, of what is not archived yet, and puts another file in the log's place. */
const ARCHIVED = /found another file of it|one archive at a time|before: expected a position/;
const SLOW_MS = 20_000;
// Nobody listens for a moment.
const AGAIN_MS = 100;

export type Stage = {
  readonly admin: AdminClient;
  /** A directory for archives. */
  readonly files: string;
  readonly past: Past;
  /** Crashes are among the deeds, or the process is being replaced. */
  readonly isTroubled: () => boolean;
  /** No answer need come. */
  readonly isCut: () => boolean;
  readonly count: (what: string) => void;
  readonly complain: (what: string) => void;
};

/** A line of an import's answer: what was written, or why not. */
type Told = {
  readonly from: number;
  readonly to: number;
  readonly changed?: number;
  readonly position?: number;
  readonly type?: string;
};
type Body = Readonly<Record<string, unknown>>;
type Answered = Reply<Body> & { readonly isDone: boolean };
const WAIT = { headers: { prefer: 'wait=1' } };
const ANY = 'allowRemovals=1000';

let files = 0;

export class Operator {
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async do(deed: Deed): Promise<void> {
    const { past } = this.#stage;
    switch (deed.do) {
      case 'route':
        return this.#route(deed.domain, deed.pool);
      case 'unroute':
        return void (await this.#ask('DELETE', `/v1/domains/${deed.domain}`));
      case 'pool':
        return void (await this.#ask('PUT', `/v1/pools/${deed.pool}`, deed.settings));
      case 'unpool':
        return void (await this.#ask('DELETE', `/v1/pools/${deed.pool}`, undefined, deed.waits ? WAIT : {}));
      case 'backend':
        return void (await this.#ask('PUT', `/v1/pools/${deed.pool}/backends/${deed.backend}`, {
          address: deed.address,
        }));
      case 'unbackend': {
        const path = `/v1/pools/${deed.pool}/backends/${deed.backend}`;
        return void (await this.#ask('DELETE', path, undefined, deed.waits ? WAIT : {}));
      }
      case 'drain': {
        const path = `/v1/pools/${deed.pool}/backends/${deed.backend}/drain`;
        return void (await this.#ask('POST', path, { timeoutMs: deed.timeoutMs }, WAIT));
      }
      case 'apply':
        return this.#apply(deed.wish);
      case 'show':
        return void (await this.#ask('POST', `/v1/apply?dryRun=true&${ANY}`, deed.wish));
      case 'try':
        return this.#try(deed);
      case 'import':
        return this.#import(deed.wish, deed.chunk);
      case 'rollback':
        return this.#rollback(past.back(deed.back), deed.isShown);
      case 'undo': {
        const change = past.back(deed.back);
        if (change > 0) await this.#ask('POST', `/v1/rollback?${ANY}`, { change });
        return;
      }
      case 'look':
        return this.#look(deed);
      case 'prove': {
        const wish = deed.by === 'replay' ? { verify: true } : {};
        const { isDone, body } = await this.#ask('POST', `/v1/${deed.by}`, wish);
        if (isDone && body['ok'] !== true) this.#complain(`${deed.by}: ${JSON.stringify(body)}`);
        return;
      }
      case 'archive': {
        // Of the last changes none is archived: somebody may want to go back to them.
        const before = past.back(deed.back + 40);
        const file = `${this.#stage.files}/archive-${++files}.db`;
        if (before > 1) await this.#ask('POST', '/v1/archive', { before: before + 1, file });
        return;
      }
      case 'export':
        return void (await this.#ask('POST', '/v1/export'));
      case 'replace':
        return void (await this.#ask('POST', '/v1/workers/replace'));
      case 'crash': {
        const { actor, at } = deed;
        return void (await this.#ask('POST', '/v1/chaos', {
          crash: actor,
          ...(at === undefined ? {} : { at }),
        }));
      }
    }
  }

  /** What was in force there; undefined where nobody could tell. */
  async stateAt(position: number): Promise<Wish | undefined> {
    const { isDone, body } = await this.#ask('GET', `/v1/state?at=${position}`);
    return isDone ? ({ pools: body['pools'], domains: body['domains'] } as Wish) : undefined;
  }

  async #route(domain: string, pool: string): Promise<void> {
    const position = this.#changed(await this.#ask('PUT', `/v1/domains/${domain}`, { pool }));
    if (position === undefined) return;
    const state = await this.#ask('GET', `/v1/state?at=${position}&domain=${domain}`);
    const found = (state.body as Wish | undefined)?.domains?.[domain]?.pool;
    if (state.isDone && found !== pool)
      this.#complain(`expected ${domain} to name ${pool} at ${position}, found ${String(found)}`);
  }

  async #apply(wish: Wish): Promise<void> {
    const position = this.#changed(await this.#ask('POST', `/v1/apply?${ANY}`, wish));
    if (position !== undefined) await this.#expectAt(position, wish, 'what was applied');
  }

  async #try({ wish, withinMs, afterMs }: Extract<Deed, { do: 'try' }>): Promise<void> {
    const answer = await this.#ask('POST', `/v1/apply?${ANY}&confirmWithinMs=${withinMs}`, wish);
    const position = this.#changed(answer);
    if (position !== undefined) await this.#expectAt(position, wish, 'what was put on trial');
    const confirm = answer.body?.['confirm'] as { readonly id: string } | null | undefined;
    if (!answer.isDone || confirm === null || confirm === undefined || afterMs === null) return;
    await sleep(afterMs);
    await this.#ask('POST', '/v1/confirm', { id: confirm.id });
  }

  /** Each chunk whole or not at all, and the first that is refused is the last. */
  async #import(wish: Wish, chunk: number): Promise<void> {
    const lines = [
      ...Object.entries(wish.pools).map(([pool, settings]) => ({ pool, ...settings })),
      ...Object.entries(wish.domains).map(([domain, settings]) => ({ domain, ...settings })),
    ];
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    const headers = { 'content-type': 'application/x-ndjson' };
    const { isDone, body } = await this.#ask('POST', `/v1/import?chunk=${chunk}`, text, { headers });
    if (!isDone) return;
    const told = String(body)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Told);
    let next = 1;
    for (const [index, { from, to, changed, position, type }] of told.entries()) {
      if (from !== next) this.#complain(`import: expected line ${next}, found ${String(body)}`);
      next = to + 1;
      if (changed !== undefined && position !== undefined) {
        if (changed > 0) this.#stage.past.add(position);
      } else if (index < told.length - 1) this.#complain(`import: expected no more, found ${String(body)}`);
      else this.#expectProblem(type, `import: ${String(body)}`);
    }
    if (told.at(-1)?.type === undefined && next !== lines.length + 1)
      this.#complain(`import: expected ${lines.length} lines, found ${String(body)}`);
  }

  async #rollback(to: number, isShown: boolean): Promise<void> {
    let wish: object = { to };
    if (isShown) {
      const shown = await this.#ask('POST', `/v1/rollback?${ANY}`, { to, dryRun: true });
      if (!shown.isDone) return;
      wish = { to, seen: shown.body['position'] };
    }
    const position = this.#changed(await this.#ask('POST', `/v1/rollback?${ANY}`, wish));
    const former = position === undefined ? undefined : await this.stateAt(to);
    if (position !== undefined && former !== undefined)
      await this.#expectAt(position, former, `what was so at ${to}`);
  }

  async #look({ at, back, domain }: Extract<Deed, { do: 'look' }>): Promise<void> {
    const { past } = this.#stage;
    const to = past.back(back);
    switch (at) {
      case 'state':
        return void (await this.#ask('GET', '/v1/state'));
      case 'past':
        return void (await this.stateAt(to));
      case 'diff':
        return void (await this.#ask('GET', `/v1/diff?from=${to}&to=${past.back(back + 5)}`));
      case 'search':
        return void (await this.#ask('GET', '/v1/events?limit=50&reverse=true&grep=d1'));
      case 'explain':
        return void (await this.#ask('POST', '/v1/explain', { host: domain, path: '/', at: to }));
      case 'query':
        return void (await this.#ask('POST', '/v1/query', { sql: 'SELECT count(*) FROM v1_events' }));
      case 'pages':
        await this.#ask('GET', '/v1/domains?limit=3');
        return void (await this.#ask('GET', '/v1/pools?limit=2'));
      case 'actors':
        return void (await this.#ask('GET', '/v1/actors?limit=1000'));
      case 'metrics':
        return void (await this.#ask('GET', '/metrics'));
    }
  }

  async #expectAt(position: number, wish: Wish, what: string): Promise<void> {
    const state = await this.stateAt(position);
    if (state === undefined) return;
    this.#stage.past.keep({ position, state });
    if (!isDeepStrictEqual(state, wish))
      this.#complain(
        `expected ${what} at ${position}: ${JSON.stringify(wish)}, found ${JSON.stringify(state)}`,
      );
  }

  /** The position of a change that was one. */
  #changed({ isDone, body }: Answered): number | undefined {
    if (!isDone || typeof body['position'] !== 'number' || body['changed'] === 0) return undefined;
    this.#stage.past.add(body['position']);
    return body['position'];
  }

  async #ask(method: Method, path: string, body?: object | string, wish: object = {}): Promise<Answered> {
    const { admin, count, isCut } = this.#stage;
    const from = performance.now();
    const took = () => Math.round(performance.now() - from);
    const wasCut = isCut();
    try {
      const reply = await admin.send<Body>(method, path, body, wish);
      const isDone = reply.status < 400;
      count(`${deedOf(method, path)} ${isDone ? 'done' : String(reply.body['type'])}`);
      if (!isDone) {
        const what = `${method} ${path}, in ${took()} ms: ${JSON.stringify(reply.body)}`;
        this.#expectProblem(reply.body['type'], what);
      }
      if (took() > SLOW_MS)
        this.#complain(`expected an answer to ${method} ${path} in ${SLOW_MS} ms, found it in ${took()}`);
      return { ...reply, isDone };
    } catch (error) {
      count(`${deedOf(method, path)} cut`);
      // The process was killed, or left; or the thread was that told a part of it already. A part that ends as if it were all
      // is none of that.
      const isExplained = (wasCut || isCut() || this.#stage.isTroubled()) && !(error instanceof SyntaxError);
      if (!isExplained) this.#complain(`expected an answer to ${method} ${path}, found ${String(error)}`);
      await sleep(AGAIN_MS);
      return { status: 0, headers: {}, body: {}, version: undefined, position: undefined, isDone: false };
    }
  }

  #expectProblem(type: unknown, what: string): void {
    const word = String(type);
    if (EXPECTED.has(word) || (this.#stage.isTroubled() && TROUBLED.has(word)) || ARCHIVED.test(what)) return;
    this.#complain(what);
  }

  #complain(what: string): void {
    this.#stage.complain(what);
  }
}

/** `PUT domains`: the kind of call, without names. */
function deedOf(method: string, path: string): string {
  const [, , room = '', , thing] = path.split('?')[0]!.split('/');
  return `${method} ${thing ?? (room === '' ? 'metrics' : room)}`;
}
