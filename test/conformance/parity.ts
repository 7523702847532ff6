/** The words of vegur-parity.md, and one exchange through a whole plane for each of its cases. */
import type { PlaneUnderTest, PlaneWish } from '../support/plane-under-test.ts';
import type { RawClient, RawResponse } from '../support/raw-client.ts';
import { routed } from '../support/routed.ts';
import {
  type BackendConnection,
  ok,
  type RawRequest,
  type Script,
  type ScriptedBackend,
} from '../support/scripted-backend.ts';

export const H = 'Host: app.test\r\n';
export const PLAIN = `POST / HTTP/1.1\r\n${H}Content-Length: 5\r\nContent-Type: text/plain\r\n\r\n12345`;
export const BODY43 = 'the forty-three bytes of an answer, exactly';
export const OK43 = ok(BODY43, 'Date: Sun, 06 Nov 1994 08:49:37 GMT', 'Content-Type: text/plain');
export const EXPECT = `POST /c HTTP/1.1\r\n${H}Content-Length: 10\r\nExpect: 100-continue\r\n\r\n`;
export const WS =
  `GET /c HTTP/1.1\r\n${H}Content-Length: 10\r\nExpect: 100-continue\r\nUpgrade: websocket\r\n` +
  'Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n';
export const CHUNKS = '3\r\nabc\r\n5\r\ndefgh\r\ne\r\nijklmnopqrstuv\r\n0\r\n\r\n';
export const CHUNKS_DATA = 'abcdefghijklmnopqrstuv';
export const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
export const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';

/** vegur's default: who sends the 100 is the backend. */
export const DEEP = { features: { continue: 'end-to-end' } } as const;

export const getWith = (lines: string): string => `GET / HTTP/1.1\r\n${H}${lines}\r\n`;
export const postWith = (lines: string): string => `POST / HTTP/1.1\r\n${H}${lines}\r\n`;
export const answerWith = (lines: string, body = ''): string => `HTTP/1.1 200 OK\r\n${lines}\r\n${body}`;
export const chunkedPost = (chunks: string, lines = ''): string =>
  postWith(`Transfer-Encoding: chunked\r\n${lines}`) + chunks;
export const chunkedAnswer = (chunks: string, lines = ''): string =>
  answerWith(`Transfer-Encoding: chunked\r\n${lines}`, chunks);

export type Exchange = {
  readonly router: PlaneUnderTest;
  readonly backend: ScriptedBackend;
  readonly client: RawClient;
};

export type Answered = Exchange & {
  readonly response: RawResponse;
  /** What the backend got; undefined: the request never reached it. */
  readonly request: RawRequest | undefined;
};

/** A client, a router and a backend. Without a script the test plays the backend. */
export async function between(script?: Script, wish: PlaneWish = {}): Promise<Exchange> {
  const { router, backend } = await routed(script, wish);
  return { router, backend, client: await router.connect() };
}

/** One request through a router to a backend that always says the same. */
export async function exchange(sent: string, answer = OK43, wish: PlaneWish = {}): Promise<Answered> {
  const all = await between(() => answer, wish);
  const response = await all.client.request(sent);
  return { ...all, response, request: all.backend.requests[0] };
}

/** The request is sent and its head is at the backend, which the test now plays. */
export async function begun(sent: string, wish: PlaneWish = {}): Promise<Exchange & Begun> {
  const all = await between(undefined, wish);
  all.client.send(sent);
  const connection = await all.backend.accept();
  const head = await connection.takeHead();
  return { ...all, connection, head };
}

export type Begun = { readonly connection: BackendConnection; readonly head: string };

/** Lines of a message's head that bear the name, as sent. */
export function linesNamed(head: string, name: string): string[] {
  const wanted = `${name.toLowerCase()}:`;
  const lines = head.slice(0, head.indexOf('\r\n\r\n')).split('\r\n').slice(1);
  return lines.filter((line) => line.toLowerCase().startsWith(wanted));
}
