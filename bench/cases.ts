/** What is measured, as data: one entry a case. A new case is a new entry here and nothing else. */

type About = {
  readonly name: string;
  readonly title: string;
  /** By name; without it all that are peers of every case. */
  readonly peers?: readonly string[];
  /** What others are compared with; without it nginx and the plain Node proxy. */
  readonly yardsticks?: readonly string[];
};

export type RequestCase = About & {
  readonly measure: 'requests';
  readonly method: 'GET' | 'POST';
  readonly requestBytes: number;
  /** A file of the backend; what comes back must be these bytes. */
  readonly responseBytes: 128 | 65_536;
  readonly connections: number;
  readonly headers: Readonly<Record<string, string>>;
  /** One that is another in every request, so that whoever remembers what was said before gains nothing. */
  readonly fresh?: string;
  /** `half`: at half of what the slowest of these can do, so that latency is not that of a queue. */
  readonly pace: 'full' | { readonly halfOf: readonly string[] };
};

/** Messages to and fro on upgraded connections. */
export type EchoCase = About & {
  readonly measure: 'echo';
  readonly messageBytes: number;
  readonly connections: number;
};

/** What a connection costs that is open and silent after one request. */
export type IdleCase = About & {
  readonly measure: 'idle';
  /** Open already when counting begins. */
  readonly first: number;
  readonly connections: number;
};

/** Changes of the routing table while requests go on. */
export type ChangesCase = About & { readonly measure: 'changes' };

/** Readers of history while requests and changes go on. */
export type HistoryCase = About & { readonly measure: 'history' };

export type TurnCase = RequestCase | EchoCase;
export type Case = TurnCase | IdleCase | ChangesCase | HistoryCase;

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

/** What the others are compared with, and what goes on while something else is measured. */
export const get128 = {
  measure: 'requests',
  name: 'get-128',
  title: 'GET 128 B',
  method: 'GET',
  requestBytes: 0,
  responseBytes: 128,
  connections: 64,
  headers: {},
  pace: 'full',
} as const satisfies RequestCase;

const journal = { peers: ['switchyard', 'switchyard-unjournalled'], yardsticks: ['switchyard-unjournalled'] };

export const CASES: readonly Case[] = [
  get128,
  { ...get128, name: 'headers-8', title: 'GET 128 B, 8 typical headers', headers: TYPICAL_HEADERS },
  {
    ...get128,
    name: 'headers-8-fresh',
    title: 'GET 128 B, 8 typical headers, the cookie another each time',
    headers: TYPICAL_HEADERS,
    fresh: 'Cookie',
  },
  { ...get128, name: 'get-64k', title: 'GET 64 KiB', responseBytes: 65_536 },
  { ...get128, name: 'post-16k', title: 'POST 16 KiB', method: 'POST', requestBytes: 16_384 },
  { ...get128, name: 'close', title: 'GET 128 B, Connection: close', headers: { Connection: 'close' } },
  {
    measure: 'echo',
    name: 'websocket',
    title: 'WebSocket echo, 128 B',
    messageBytes: 128,
    connections: 64,
    peers: ['nginx', 'haproxy', 'http-proxy', 'switchyard'],
  },
  { measure: 'idle', name: 'idle', title: 'idle keep-alive connections', first: 1500, connections: 6000 },
  {
    ...get128,
    name: 'floor',
    title: 'GET 128 B, beside a pump of bytes on the same sockets',
    peers: ['nginx', 'node-pump', 'switchyard'],
    yardsticks: ['nginx', 'node-pump'],
  },
  { ...get128, ...journal, name: 'journal', title: 'GET 128 B, with the journal and without' },
  {
    ...get128,
    name: 'half-load',
    title: 'GET 128 B at half load: latency, with the journal and without',
    pace: { halfOf: ['nginx', 'switchyard'] },
    peers: ['nginx', 'haproxy', 'switchyard', 'switchyard-unjournalled'],
  },
  {
    ...get128,
    name: 'domains',
    title: 'GET 128 B with 10, 10 000 and 1 000 000 domains, ten of them asked for in turn',
    peers: ['switchyard-10-domains', 'switchyard-10k-domains', 'switchyard-1m-domains'],
    yardsticks: ['switchyard-10-domains'],
  },
  {
    ...get128,
    name: 'domains-spread',
    title: 'GET 128 B, 1 000 domains in 1 000 pools asked for in turn, of 10 000 and of 1 000 000',
    peers: ['switchyard-10k-spread', 'switchyard-1m-spread'],
    yardsticks: ['switchyard-10k-spread'],
  },
  {
    ...get128,
    name: 'features',
    title:
      'GET 128 B with nothing asked for, with routes, limits, queue and health, and with half of them waiting',
    peers: ['switchyard-plain', 'switchyard-features', 'switchyard-queueing'],
    yardsticks: ['switchyard-plain'],
  },
  {
    ...get128,
    name: 'workers',
    title: 'GET 128 B with 1 worker and 2, pinned to no core',
    peers: ['switchyard-1-worker', 'switchyard-2-workers'],
    yardsticks: ['switchyard-1-worker'],
  },
  { measure: 'changes', name: 'changes', title: 'changes, alone and at half load', peers: ['switchyard'] },
  {
    measure: 'history',
    name: 'history',
    title: 'requests and commands at half load, without and with readers of history',
    peers: ['switchyard-1-worker'],
  },
];
