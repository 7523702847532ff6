/** What is measured, as data: one entry a case. A new case is a new entry here and nothing else. */

export type RequestCase = {
  readonly measure: 'requests';
  readonly name: string;
  readonly title: string;
  readonly method: 'GET' | 'POST';
  readonly requestBytes: number;
  /** A file of the backend; what comes back must be these bytes. */
  readonly responseBytes: 128 | 65_536;
  readonly connections: number;
  readonly headers: Readonly<Record<string, string>>;
};

/** What a connection costs that is open and silent after one request. */
export type IdleCase = {
  readonly measure: 'idle';
  readonly name: string;
  readonly title: string;
  readonly connections: number;
};

export type Case = RequestCase | IdleCase;

// What a browser sends with an API call, about 500 bytes: the eight fields nearly every request carries.
const TYPICAL_HEADERS = {
  'User-Agent':
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36',
  Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Language': 'en-GB,en;q=0.9,de;q=0.8',
  'Accept-Encoding': 'gzip, deflate, br',
  'Cache-Control': 'max-age=0',
  Cookie: 'session=4f2a9c0e7b1d4e55a3c8f0d1b2e3a4c5; theme=dark',
  Referer: 'http://bench.example/previous/page',
  'If-None-Match': '"never-matches-0123456789abcdef"',
};

const get128 = {
  measure: 'requests',
  name: 'get-128',
  title: 'GET 128 B',
  method: 'GET',
  requestBytes: 0,
  responseBytes: 128,
  connections: 64,
  headers: {},
} as const satisfies RequestCase;

export const CASES: readonly Case[] = [
  get128,
  { ...get128, name: 'headers-8', title: 'GET 128 B, 8 typical headers', headers: TYPICAL_HEADERS },
  { ...get128, name: 'get-64k', title: 'GET 64 KiB', responseBytes: 65_536 },
  { ...get128, name: 'post-16k', title: 'POST 16 KiB', method: 'POST', requestBytes: 16_384 },
  { ...get128, name: 'close', title: 'GET 128 B, Connection: close', headers: { Connection: 'close' } },
  { measure: 'idle', name: 'idle', title: 'idle keep-alive connections', connections: 4000 },
];
