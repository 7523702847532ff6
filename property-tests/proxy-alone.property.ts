/**
 * Requests that come one after another on a connection, however they are cut and whatever the ones before them were,
 * are answered, sent on and recorded as each is alone, on connections of its own.
 */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { eventually } from '../test/support/eventually.ts';
import { PlaneUnderTest } from '../test/support/plane-under-test.ts';
import { ok, type RawRequest, ScriptedBackend } from '../test/support/scripted-backend.ts';

const NAMED = 'X-Hop: 1\r\nConnection: x-hop\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n';
const LARGE = 'b'.repeat(100_000);

/** What follows the request line and Host. */
const REQUESTS: Readonly<Record<string, string>> = {
  GET: '\r\n',
  'GET with other fields': `Accept: text/plain\r\nX-One: 1\r\nX-One: 2\r\n${NAMED}\r\n`,
  'GET that would upgrade': 'Connection: Upgrade\r\nUpgrade: echo\r\n\r\n',
  'GET with a field that others name': 'X-Hop: 2\r\n\r\n',
  'GET that stays': 'Connection: keep-alive\r\n\r\n',
  'GET HTTP/1.0': 'Connection: keep-alive\r\n\r\n',
  HEAD: '\r\n',
  'OPTIONS that goes no further': 'Max-Forwards: 0\r\n\r\n',
  DELETE: 'Content-Length: 0\r\n\r\n',
  PUT: 'Content-Length: 5\r\n\r\nhello',
  'PUT in chunks': CHUNKED,
  POST: 'Content-Length: 5\r\n\r\nhello',
  'POST in chunks': CHUNKED,
  'POST that expects': 'Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello',
  'PUT of much': `Content-Length: ${LARGE.length}\r\n\r\n${LARGE}`,
};

const UNAVAILABLE = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy';
const IN_CHUNKS = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 2\r\n\r\n';

/** What a backend says to a request that comes for the first time, and from then on; empty: it closes. */
const ANSWERS: Readonly<Record<string, readonly [first: string, then: string]>> = {
  yes: [ok(), ok()],
  nothing: [ok(''), ok('')],
  much: [ok(LARGE), ok(LARGE)],
  cookies: [ok('a', 'Set-Cookie: a=1', 'Set-Cookie: b=2'), ok('a', 'Set-Cookie: a=1', 'Set-Cookie: b=2')],
  chunks: [IN_CHUNKS, IN_CHUNKS],
  '204': ['HTTP/1.1 204 No Content\r\n\r\n', 'HTTP/1.1 204 No Content\r\n\r\n'],
  '304': ['HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n'],
  'early hints': [
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok()}`,
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${ok()}`,
  ],
  goodbye: [ok('bye', 'Connection: close'), ok('bye', 'Connection: close')],
  nonsense: ['HTTP/1.1 abc\r\n\r\n', 'HTTP/1.1 abc\r\n\r\n'],
  'an error once': [UNAVAILABLE, ok('at last')],
  'an error': [UNAVAILABLE, UNAVAILABLE],
  'no word once': ['', ok('at last')],
  'no word': ['', ''],
};

type Wish = { readonly request: string; readonly answer: string };

const wish: fc.Arbitrary<Wish> = fc.record({
  request: fc.constantFrom(...Object.keys(REQUESTS)),
  answer: fc.constantFrom(...Object.keys(ANSWERS)),
});

/**
 * A response of unknown length ends an HTTP/1.0 client's connection. Whether a large body can be sent again is decided
 * by how much of it has arrived.
 */
function isCertain({ request, answer }: Wish): boolean {
  if (request.endsWith('1.0')) return answer !== 'chunks';
  return !(request.endsWith('much') && /no word|an error/.test(answer));
}

const scenario = fc.record({
  limit: fc.constantFrom(null, 100),
  wishes: fc.array(wish.filter(isCertain), { minLength: 1, maxLength: 12 }),
  /** Where the bytes of all are cut into reads, as shares of the whole. */
  cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 }),
});

function bytesOf({ request }: Wish, index: number): string {
  const [method] = request.split(' ');
  const version = request.endsWith('1.0') ? '1.0' : '1.1';
  return `${method} /${index} HTTP/${version}\r\nHost: app.test\r\n${REQUESTS[request]}`;
}

/** Ids are each request's own, and each router has a port. */
function withoutIds(text: string): string {
  return text
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'ID')
    .replace(/(?<=Forwarded-Port: )\d+/, 'PORT');
}

type Seen = { readonly answer: string; readonly line: unknown; readonly sent: readonly string[] };

/** One router over two backends, whose clock stands still. */
class World {
  readonly #servers: ScriptedBackend[] = [];
  readonly #wishes: readonly Wish[];
  readonly #sent = new Map<string, string[]>();
  router!: PlaneUnderTest;

  constructor(wishes: readonly Wish[]) {
    this.#wishes = wishes;
  }

  async open(limit: number | null, upstreamKeepAliveMs: number): Promise<this> {
    for (const _ of [1, 2])
      this.#servers.push(
        await ScriptedBackend.listen((request, connection) => {
          const answer = this.#answer(request);
          if (answer.includes('bye')) connection.send(answer).end();
          else if (answer === '') connection.end();
          return answer === '' || answer.includes('bye') ? undefined : answer;
        }),
      );
    const backends = Object.fromEntries(this.#servers.map(({ port }, i) => [`web.${i}`, { port }]));
    const retries = { statuses: [503], budgetPercent: 100 };
    const timeouts = { upstreamKeepAliveMs };
    this.router = await PlaneUnderTest.start({
      backends,
      pool: { retries, timeouts, ...(limit === null ? {} : { maxConcurrency: limit }) },
      features: { continue: 'end-to-end' },
      accessLog: 'json',
      now: () => 1_000_000_000_000,
    });
    return this;
  }

  #answer({ target, raw }: RawRequest): string {
    const before = this.#sent.get(target) ?? [];
    this.#sent.set(target, [...before, withoutIds(raw)]);
    const [first, then] = ANSWERS[this.#wishes[Number(target.slice(1))]!.answer]!;
    return before.length === 0 ? first : then;
  }

  /** `apart`: each on connections of its own, the last first, since what a thread keeps is in the way of both. */
  async play(apart: boolean, cuts: readonly number[]): Promise<readonly Seen[]> {
    const all = this.#wishes.map(bytesOf);
    const answers: string[] = [];
    if (apart) {
      for (const [i, bytes] of [...all.entries()].reverse()) {
        const client = (await this.router.connect()).send(bytes);
        answers.unshift(await this.#final(client, i));
        client.close();
      }
    } else {
      const client = await this.router.connect();
      const text = all.join('');
      let at = 0;
      for (const to of [
        ...cuts.map((cut) => Math.floor(cut * text.length)).sort((a, b) => a - b),
        text.length,
      ]) {
        client.send(text.slice(at, to));
        at = to;
        await new Promise((resolve) => setImmediate(resolve));
      }
      for (const i of all.keys()) answers.push(await this.#final(client, i));
      client.close();
    }
    await eventually(() => this.router.isQuiet, 'every lease given back');
    await eventually(() => this.router.log.split('\n').length > all.length, 'every line');
    const lines = this.router.log
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string>);
    // Which backend had it is chance; the lease of a connection that is still to be closed may have to be waited for.
    return answers.map((answer, i) => {
      const { request_id, dyno, wait, ...line } = lines.find(({ path }) => path === `/${i}`)!;
      return { answer, line: { ...line, hasBackend: dyno !== '' }, sent: this.#sent.get(`/${i}`) ?? [] };
    });
  }

  /** All that comes up to the response. */
  async #final(client: Awaited<ReturnType<PlaneUnderTest['connect']>>, index: number): Promise<string> {
    const method = this.#wishes[index]!.request.split(' ')[0]!;
    let text = '';
    for (;;) {
      const { status, raw } = await client.response({ method });
      text += withoutIds(raw).replace(/^Date: .*$/m, 'Date');
      if (status >= 200) return text;
    }
  }

  async close(): Promise<void> {
    await this.router.close();
    for (const server of this.#servers) await server.close();
  }
}

it('a request is what it is alone', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ limit, wishes, cuts }) => {
      const [together, apart] = [
        await new World(wishes).open(limit, 60_000),
        await new World(wishes).open(limit, 0),
      ];
      try {
        const found = await together.play(false, cuts);
        const expected = await apart.play(true, []);
        for (const [i, { answer, line, sent }] of found.entries()) {
          const told = `${wishes[i]!.request}, answered ${wishes[i]!.answer}`;
          expect(`${told}: ${answer}`).toBe(`${told}: ${expected[i]!.answer}`);
          expect(line, told).toEqual(expected[i]!.line);
          // On a kept connection it may be sent once more.
          expect(sent.at(-1), told).toBe(expected[i]!.sent.at(-1));
        }
        const sums = (world: World) => {
          const { requests, bytesIn } = world.router.metrics.pool('web').snapshot();
          return { requests, bytesIn };
        };
        expect(sums(together)).toEqual(sums(apart));
      } finally {
        await together.close();
        await apart.close();
      }
    }),
    { numRuns: 60 },
  );
});
