/** Messages for the fuzzer: sound ones, and what becomes of them when a few bytes, words or lines are changed. */

/** A small generator with a seed (mulberry32): a run can be had again by its seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const REQUESTS: readonly string[] = [
  'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n',
  'GET /p/a?q=1&r=%20 HTTP/1.1\r\nHost: a.test:8080\r\nUser-Agent: curl/8\r\nAccept: */*\r\nX-Empty:\r\n\r\nGET / HTTP/1.1\r\n',
  '\r\n\r\nPOST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\n12345POST',
  'PUT /x HTTP/1.1\r\nhost:a\r\ncontent-length:5\r\nContent-Length: 5\r\n\r\n12345',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\ndefgh\r\ne\r\nijklmnopqrstuv\r\n0\r\n\r\nGET / HTTP/1.1\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING: Chunked\r\nTrailer: A\r\n\r\n0A;x=1;y="a\\"b"\r\n0123456789\r\n1;z\r\n-\r\n000\r\nA: b\r\nC:\r\n\r\nxx',
  'GET http://a.test/p HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\nMax-Forwards: 3\r\n\r\n',
  'GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nExpect: 100-continue\r\n\r\n',
  'POST /e HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 10\r\nConnection: Upgrade, x-y\r\nUpgrade: websocket\r\nX-Y: 1\r\n\r\n0123456789',
  'PROPFIND /dav HTTP/1.1\r\nHost: a\r\nDepth: 1\r\nContent-Length: 0\r\n\r\n',
  'XYZZY /other HTTP/1.1\r\nHost: a\r\nX: \xe9\xff\t.\r\nCookie: a=b; c=d\r\n\r\n',
];

export const RESPONSES: readonly string[] = [
  'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nDate: x\r\n\r\nabcHTTP/1.1 200 OK\r\n',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1',
  'HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\nTrailer: a\r\n\r\n1;q=1\r\nx\r\n0\r\nA: b\r\n\r\n',
  'HTTP/1.0 200 OK\r\nServer: x\r\n\r\nuntil the end',
  'HTTP/1.1 204 No Content\r\nX: y\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 10\r\n\r\n',
  'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x00',
  'HTTP/1.1 404 \r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\ncontent-length: 2\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno',
  'HTTP/1.1 503 Sorry \xe9\r\nKeep-Alive: timeout=5\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n',
];

const WORDS: readonly string[] = [
  'Content-Length: 5\r\n',
  'Content-Length: 05\r\n',
  'Content-Length: +5\r\n',
  'Content-Length: 5, 5\r\n',
  'Content-Length:\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Transfer-Encoding: gzip, chunked\r\n',
  'Transfer-Encoding:\x0bchunked\r\n',
  'Transfer-Encoding : chunked\r\n',
  'Transfer_Encoding: chunked\r\n',
  ' folded\r\n',
  '\tTransfer-Encoding: chunked\r\n',
  'Host: b\r\n',
  'Host: a.test\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive, upgrade\r\n',
  'Connection: Upgrade Keep-Alive\r\n',
  'Connection: ,\r\n',
  'Upgrade: h2c\r\n',
  'Upgrade: websocket\r\n',
  'Expect: 100-continue\r\n',
  'Expect: 200-ok;q="a,b"\r\n',
  'Trailer: x\r\n',
  'Max-Forwards: 0\r\n',
  'X: \x00\r\n',
  'X: \x7f\r\n',
  'X: a\rb\r\n',
  'X: a\nb\r\n',
  ': empty\r\n',
  'nocolon\r\n',
  'X Y: z\r\n',
  '(X): z\r\n',
  '\r\n',
  '\n',
  '\r',
  '\r\n\r\n',
  '\n\n',
  '\r\r\n',
  '0\r\n\r\n',
  '0\r\n',
  '1\r\nZ\r\n',
  'ffffffffffffffff\r\n',
  '10000000000000000\r\n',
  '0x5\r\n',
  '-1\r\n',
  '5 \r\n',
  ' 5\r\n',
  ';\r\n',
  ';a=\r\n',
  ';a="\n"\r\n',
  ';a="b"c\r\n',
  'chunked',
  'Chunked',
  'chunked, chunked',
  'HTTP/1.0',
  'HTTP/1.1',
  'HTTP/2.0',
  'HTTP/1.2',
  'http/1.1',
  'HTTP/1.1 ',
  'HEAD ',
  'TRACE ',
  'CONNECT ',
  'PRI ',
  'http://',
  'https://a',
  '//',
  '*',
  '#frag',
  '@',
  '?',
  '%00',
  'x'.repeat(40),
  ' 200 ',
  ' 2OO ',
  ' 099 ',
  ' 999 ',
];

const BYTES: readonly number[] = [
  0, 1, 8, 9, 10, 11, 12, 13, 27, 32, 33, 34, 35, 37, 38, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 53, 58, 59,
  60, 61, 63, 64, 65, 70, 71, 88, 91, 92, 93, 95, 96, 97, 102, 103, 120, 123, 124, 125, 126, 127, 128, 133,
  160, 233, 255,
];

/** A message with one to six things changed; one in fifty is left sound. */
export function mutated(seeds: readonly string[], random: () => number): Buffer {
  let text = pick(seeds, random);
  const changes = random() < 0.02 ? 0 : 1 + Math.floor(random() * random() * 6);
  for (let i = 0; i < changes; i++) text = changedOnce(text, seeds, random);
  return Buffer.from(text, 'latin1');
}

function changedOnce(text: string, seeds: readonly string[], random: () => number): string {
  const at = place(text, random);
  const byte = () => String.fromCharCode(pick(BYTES, random));
  switch (Math.floor(random() * 11)) {
    case 0:
      return text.slice(0, at) + byte() + text.slice(at + 1);
    case 1:
      return text.slice(0, at) + byte() + text.slice(at);
    case 2:
      return text.slice(0, at) + text.slice(at + 1);
    case 3:
      return text.slice(0, at) + pick(WORDS, random) + text.slice(at);
    case 4: {
      const word = pick(WORDS, random);
      return text.slice(0, at) + word + text.slice(at + word.length);
    }
    case 5: {
      // A whole line in the place of a line, or before it.
      const start = text.lastIndexOf('\n', at - 1) + 1;
      return text.slice(0, start) + pick(WORDS, random) + text.slice(start);
    }
    case 6: {
      const end = Math.min(text.length, at + 1 + Math.floor(random() * 12));
      return text.slice(0, at) + text.slice(end);
    }
    case 7: {
      const end = Math.min(text.length, at + 1 + Math.floor(random() * 30));
      return text.slice(0, end) + text.slice(at);
    }
    case 8: {
      const other = pick(seeds, random);
      return text.slice(0, at) + other.slice(place(other, random));
    }
    case 9:
      return text.slice(0, at) + swapCase(text.charAt(at)) + text.slice(at + 1);
    default:
      return text.slice(0, at);
  }
}

/** Mostly anywhere; often where lines, fields and chunks meet. */
function place(text: string, random: () => number): number {
  const at = Math.floor(random() * (text.length + 1));
  if (random() < 0.5) return at;
  const next = text.slice(at).search(/[\r\n:;, ]/);
  return next < 0 ? at : at + next + Math.floor(random() * 3);
}

function swapCase(character: string): string {
  const upper = character.toUpperCase();
  return upper === character ? character.toLowerCase() : upper;
}

function pick<T>(from: readonly T[], random: () => number): T {
  return from[Math.floor(random() * from.length)]!;
}
