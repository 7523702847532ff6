/** Whether what a client saw of a request is explained by what its backends did, what it did itself, and what befell the router. */
import { cutsShort, isBare } from './answer-bytes.ts';
import type { Asked, Attempt, Book, Got, Moments } from './book.ts';
import { bodyOf, differenceOf } from './bytes.ts';
import type { ClientConnection } from './client-connection.ts';
import { type Courses, isAnswerOn, poolsOn } from './courses.ts';
import type { InForce } from './in-force.ts';
import { answersBehindFin } from './listeners.ts';
import { type Answer, type Fault, isUnreadable, type Request } from './plan.ts';
import { Sessions } from './sessions.ts';
import { DRAIN_MS, isHasty, type Tenant } from './tenants.ts';
import { explains } from './troubles.ts';

// From the moment that something breaks to the moment that everybody has noticed.
const NOTICED_MS = 2000;

export class Judgement {
  readonly #book: Book;
  readonly #moments: Moments;
  readonly #courses: Courses;
  readonly #budget: InForce<number>;
  readonly #sessions = new Sessions();
  /** How often each end was seen: for the reader. */
  readonly ends = new Map<string, number>();

  constructor(book: Book, moments: Moments, courses: Courses, budget: InForce<number>) {
    this.#book = book;
    this.#moments = moments;
    this.#courses = courses;
    this.#budget = budget;
  }

  judge(asked: Asked, connection: ClientConnection): void {
    const { request, got } = asked;
    const fault = this.#faultOf(asked, connection);
    this.#count(got === undefined ? `none: ${connection.ended}` : wordOf(got));
    if (fault === undefined) return;
    const { method, tenant, misdeed, version } = request;
    const tries = asked.attempts.map((attempt) => `${attempt.backend} ${JSON.stringify(attempt.answer)}`);
    this.#book.complain(
      `${request.id} (${method} ${tenant}, HTTP/1.${version}, ${misdeed}, listener ${connection.listener}, ` +
        `${connection.ended}): ${fault}\n    attempts: ${tries.join('\n      ') || 'none'}`,
    );
  }

  #faultOf(asked: Asked, connection: ClientConnection): string | undefined {
    if (connection.ended === 'hang') return 'expected an answer or an end, found neither';
    if (connection.isUnheard) return unheardWrong(asked, connection);
    if (isUnreadable(asked.request) && asked.attempts.length > 0)
      return 'expected no backend to be asked, found one';
    const twice = this.#askedTwice(asked);
    if (twice !== undefined) return twice;
    if (asked.got === undefined) return this.#noAnswer(asked, connection);
    const attempt = asked.attempts.find(({ key }) => key === asked.got?.fields.get('x-attempt'));
    if (attempt === undefined) return this.#page(asked, asked.got);
    return this.#answer(asked, asked.got, attempt, connection);
  }

  /** No backend twice while another is untried, and what is not idempotent once only. */
  #askedTwice({ request, attempts, sentAtMs }: Asked): string | undefined {
    // Who closes without a word may have closed before: then it is asked again on a new connection (docs/health.md).
    const tries = attempts.filter((attempt, index) => !isStale(attempt, attempts[index + 1], request.tenant));
    const names = tries.map(({ backend }) => backend);
    if (new Set(names).size < names.length) return `expected each backend once, found ${names}`;
    if (attempts.length > 1 && request.method === 'POST')
      return `expected one attempt, found ${attempts.length}`;
    const [first] = attempts;
    if (first === undefined) return undefined;
    const elsewhere = attempts.find(({ backend }) => backend !== first.backend);
    if (request.tenant === 'rough' && elsewhere !== undefined) {
      const percents = this.#budget.between(sentAtMs, elsewhere.atMs);
      if (percents.every((percent) => percent === 0))
        return 'expected one backend, since the retry budget is nothing, found two';
    }
    const courses = this.#courses[request.tenant].between(sentAtMs, first.atMs);
    const possible = courses.flatMap((course) => poolsOn(course, request));
    const stranger = attempts.find(({ pool }) => !possible.includes(pool));
    return stranger && `expected a backend of ${possible.join(' or ')}, found ${stranger.backend}`;
  }

  #noAnswer(asked: Asked, connection: ClientConnection): string | undefined {
    const { request, attempts } = asked;
    if (connection.ended === 'ours' || this.#isLost(asked, connection) || isOwnDoing(request, connection))
      return undefined;
    if (wasTaken(asked, connection)) return undefined;
    if (connection.isLast)
      return attempts.length === 0 ? undefined : 'expected no attempt behind the last answer, found one';
    if (this.#isOutOfTime(connection)) return undefined;
    const { openedAtMs, closedAtMs } = connection;
    // The reset that ends what a drain cuts takes along a head that was not read yet.
    const isCut = this.#moments.within(
      `hurried drain ${request.tenant}`,
      asked.sentAtMs - NOTICED_MS,
      closedAtMs,
    );
    if (connection.ended === 'reset' && isCut) return undefined;
    const isUnasked = connection.bytes === 0 || attempts.length === 0;
    if (isUnasked && this.#moments.within('replace', openedAtMs - NOTICED_MS, closedAtMs)) return undefined;
    return `expected an answer, found ${connection.ended} after ${connection.bytes} bytes`;
  }

  /** Its worker may be gone, or its request; who reads slowly learns of it late. */
  #isLost({ sentAtMs }: Asked, { closedAtMs }: ClientConnection): boolean {
    const until = closedAtMs < 0 ? performance.now() : closedAtMs;
    return ['worker', 'cut'].some((what) => this.#moments.within(what, sentAtMs - NOTICED_MS, until));
  }

  /** What a worker that was replaced still has is cut in the end. */
  #isOutOfTime({ openedAtMs, closedAtMs }: ClientConnection): boolean {
    const until = closedAtMs < 0 ? performance.now() : closedAtMs;
    return this.#moments.within('replace', openedAtMs, until - DRAIN_MS);
  }

  #page(asked: Asked, got: Got): string | undefined {
    const { request, sentAtMs, overAtMs } = asked;
    const courses = this.#courses[request.tenant].between(sentAtMs, overAtMs);
    if (courses.some((course) => isAnswerOn(course, request, got))) return undefined;
    const text = Buffer.concat(got.body).toString('latin1');
    if (request.method !== 'HEAD' && !got.isWhole) return undefined;
    const outcome = request.method === 'HEAD' ? undefined : outcomeOf(text);
    if (outcome === '' && !isUnreadable(request))
      return `expected a page of the router's, found ${got.status} ${text.slice(0, 200)}`;
    if (explains(asked, got.status, outcome, this.#moments)) return undefined;
    return `expected a cause of ${got.status} ${outcome ?? ''}, found none`;
  }

  #answer(asked: Asked, got: Got, attempt: Attempt, connection: ClientConnection): string | undefined {
    const { request, attempts } = asked;
    const { answer } = attempt;
    if (attempt !== attempts.at(-1) && !this.#isOutOfOrder(asked))
      return 'expected the answer of the last attempt, found an earlier one';
    if (request.upgrades)
      return got.status === 101 ? this.#wholeness(asked, got, attempt, connection) : '101';
    if (got.status !== answer.status) return `expected status ${answer.status}, found ${got.status}`;
    const body = bodyOf(attempt.key, isBare(request, answer) ? 0 : answer.bytes);
    // Of one that ends with its connection nobody can tell that it was cut, where the worker itself is gone, or the client
    // has said that it is.
    const isEndless = got.isWhole && !endsItself(request, answer);
    const sent = answer.framing === 'until-end' && got.isWhole ? body.subarray(0, attempt.sent) : body;
    const isGone = this.#isLost(asked, connection) || isOwnDoing(request, connection);
    const isWhole = got.isWhole && !(isEndless && isGone);
    const unlike = request.tenant === 'loyal' ? this.#sessions.faultOf(asked, got, attempt) : undefined;
    if (unlike !== undefined) return unlike;
    const difference = differenceOf(sent, Buffer.concat(got.body), isWhole);
    if (difference !== undefined) return difference;
    const beyond = this.#beyondBody(asked, got, attempt);
    return beyond ?? this.#wholeness(asked, got, attempt, connection);
  }

  /** Who has not answered in time is left for another; where this process stood still meanwhile, it may read the second one first. */
  #isOutOfOrder({ request, sentAtMs }: Asked): boolean {
    return isHasty(request.tenant) && this.#moments.within('lag', sentAtMs, performance.now());
  }

  #beyondBody({ request, attempts }: Asked, got: Got, { answer, key }: Attempt): string | undefined {
    const hasTrailers = answer.hasTrailers && answer.framing === 'chunked' && !isBare(request, answer);
    const trailers = hasTrailers && got.isWhole && request.version === 1 ? `X-Tail: ${key}` : '';
    if (got.trailers.join() !== trailers) return `expected trailers ${trailers}, found ${got.trailers}`;
    const found = got.interim.filter((status) => status !== 100).join();
    const possible = request.version === 1 ? interimOf(attempts) : new Set(['']);
    return possible.has(found) ? undefined : `expected interim answers ${[...possible]}, found ${found}`;
  }

  #wholeness(asked: Asked, got: Got, attempt: Attempt, connection: ClientConnection): string | undefined {
    const { request } = asked;
    if (got.isWhole) {
      const isGone = !endsItself(request, attempt.answer) && isOwnDoing(request, connection);
      const isCut = !request.upgrades && mustBeCut(request, attempt);
      return isCut && !isGone && !this.#isLost(asked, connection)
        ? `expected a body cut short by ${attempt.answer.fault}, found a whole one`
        : undefined;
    }
    const { tenant } = request;
    const from = attempt.atMs;
    const until = connection.closedAtMs < 0 ? performance.now() : connection.closedAtMs;
    if (connection.ended === 'ours' || isOwnDoing(request, connection) || this.#isLost(asked, connection))
      return undefined;
    if (mustBeCut(request, attempt) || attempt.answer.fault === 'surplus') return undefined;
    if (wasTaken(asked, connection)) return undefined;
    if (this.#isOutOfTime(connection)) return undefined;
    // Its backend was silent amid the answer, against its plan.
    if (isHasty(tenant) && this.#moments.within('lag', from, until)) return undefined;
    if (this.#moments.within(`down ${tenant}`, from - NOTICED_MS, until)) return undefined;
    if (this.#moments.within(`hurried drain ${tenant}`, from - NOTICED_MS, until)) return undefined;
    return `expected a whole body, found ${Buffer.concat(got.body).length} bytes of ${attempt.answer.bytes}, and ${connection.ended}`;
  }

  #count(end: string): void {
    this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
  }
}

/** What came before an answer that was turned down, as far as it came, stays said; of the last all must have come. */
function interimOf(attempts: readonly Attempt[]): ReadonlySet<string> {
  const all = attempts.map(({ answer }) => answer.interim);
  const last = all.pop() ?? [];
  const before = all.reduce<number[][]>(
    (said, interim) =>
      said.flatMap((one) => interim.map((_, end) => [...one, ...interim.slice(0, end + 1)]).concat([one])),
    [[]],
  );
  return new Set(before.map((said) => [...said, ...last].join()));
}

/** Of whoever should be a load balancer and is none, nothing is heard, and nothing is said to him. */
function unheardWrong({ attempts, got }: Asked, { bytes }: ClientConnection): string | undefined {
  if (got === undefined && bytes === 0 && attempts.length === 0) return undefined;
  return `expected neither an answer nor an attempt behind an unsound PROXY header, found ${bytes} bytes and ${attempts.length}`;
}

/** Not a byte of an answer leaves. */
function isWordless(fault: Fault): boolean {
  return fault.endsWith('-before') || fault === 'bad-head';
}

function isStale({ backend, answer }: Attempt, next: Attempt | undefined, tenant: Tenant): boolean {
  return backend === next?.backend && (isWordless(answer.fault) || tenant === 'brittle');
}

/** A reset, which the end of this answer or of one behind it called for, takes along what was not read yet. */
function wasTaken(asked: Asked, { ended, asked: all }: ClientConnection): boolean {
  const behind = all.slice(all.indexOf(asked));
  return (
    ended === 'reset' &&
    behind.some(({ request, attempts }) => attempts.some((attempt) => mustBeCut(request, attempt)))
  );
}

/** A client that misbehaves has no answer to expect. */
function isOwnDoing({ misdeed }: Request, { listener }: ClientConnection): boolean {
  if (misdeed === 'half-close') return !answersBehindFin(listener);
  return misdeed.startsWith('leave') || misdeed === 'stall-upload';
}

/** Who gets it can tell where it ends. */
function endsItself({ version }: Request, { framing }: Answer): boolean {
  return framing === 'length' || (framing === 'chunked' && version === 1);
}

/** Its fault is one that a client must be able to see. */
function mustBeCut(request: Request, { answer }: Attempt): boolean {
  const { fault, framing, bytes } = answer;
  if (fault === 'bad-chunk') return framing === 'chunked' && bytes > 0 && !isBare(request, answer);
  // A FIN is how such a one ends.
  if (fault === 'close-mid' && framing === 'until-end') return false;
  return cutsShort(request, answer);
}

function wordOf(got: Got): string {
  const isOurs = got.fields.has('x-attempt');
  if (isOurs) return got.isWhole ? 'whole' : 'cut';
  return `${got.status} ${outcomeOf(Buffer.concat(got.body).toString('latin1'))}`;
}

export function outcomeOf(page: string): string {
  return /"outcome":"(\w+)"/.exec(page)?.[1] ?? '';
}

export function codeOf(page: string): string {
  return /"code":"(\w+)"/.exec(page)?.[1] ?? '';
}
