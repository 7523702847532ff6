/**
 * The settings of one process rather than of the routing: its listeners, its admin address, its data directory. One
 * schema gives the types, the checks and the defaults, each with its unit in the name and its reason.
 */
import { z } from 'zod';
import { parseDomainName } from '../../eventlog/index.ts';
import { isCidr, parseHostPort } from './host-port.ts';

// A day: nothing on a connection lasts longer, and every Node timer can hold it.
const ms = z.int().min(1).max(86_400_000);
const bytes = z.int().min(16).max(16_777_216);

/** The address to listen on; port 0 asks the system for a free one. */
const listenAddress = z
  .string()
  .refine((text) => parseHostPort(text) !== undefined, 'expected host:port or [v6]:port')
  .describe('host:port or [v6]:port; port 0: any free port');

const cidr = z
  .string()
  .refine(isCidr, 'expected an address or a CIDR such as 10.0.0.0/8')
  .describe('address or CIDR');

// RFC 9110 §4.2.1: a path is visible ASCII; a query or fragment would never compare equal to a path.
const probePath = z
  .string()
  .max(1024)
  .regex(/^\/[\x21\x22\x24-\x3e\x40-\x7e]*$/, 'expected a path that starts with / and has no query');

export const listenerSettings = z.strictObject({
  // 8080: the usual unprivileged port; all interfaces, since a router serves other machines.
  address: listenAddress.default('0.0.0.0:8080'),
  protocol: z.literal('http').default('http').describe('protocol'),
  proxyProtocol: z
    .boolean()
    .default(false)
    .describe('expect a PROXY protocol header (v1 or v2) on every connection'),
  trustForwarded: z
    .array(cidr)
    .max(1000)
    .default([])
    .describe('trusted proxies: their X-Forwarded-For, -Proto, -Port and X-Request-Id are kept'),
  probePath: probePath
    .nullable()
    .default(null)
    .describe('health check path, answered by the router: 200, or 503 from SIGTERM on'),
  halfClose: z
    .boolean()
    .default(false)
    .describe('a client that half-closes after a complete request still gets the response'),
  timeouts: z
    .strictObject({
      // 60 s: nginx's client_header_timeout.
      headersMs: ms.default(60_000).describe('for a complete request head, from its first byte'),
      // 55 s: Heroku's H28.
      bodyIdleMs: ms.default(55_000).describe('without a byte of an incomplete request body'),
      // 60 s: below the 75 s after which browsers give up an idle connection, above most load balancers.
      keepAliveMs: ms.default(60_000).describe('idle client connections are closed after this'),
    })
    .prefault({}),
  limits: z
    .strictObject({
      // 8192, 1000, 8192 and 1000: Heroku's limits; common clients and proxies stay below them.
      requestLineBytes: bytes.default(8192).describe('request line'),
      headerNameBytes: bytes.default(1000).describe('one header name'),
      headerValueBytes: bytes.default(8192).describe('one header value'),
      headers: z.int().min(1).max(10_000).default(1000).describe('header fields of one head'),
      // 64 KiB: eight full lines; the most that one connection makes the router hold.
      headBytes: bytes.default(65_536).describe('a complete request head'),
      // 16 KiB: Node's own limit for a head, generous for trailers.
      trailerBytes: bytes.default(16_384).describe('all trailer fields of one message'),
      // 20 000: at ten-odd KB each, a few hundred MB at worst.
      connections: z
        .int()
        .min(0)
        .max(10_000_000)
        .default(20_000)
        .describe('concurrent client connections; 0: no limit'),
      // 0: many users may share one address.
      connectionsPerAddress: z
        .int()
        .min(0)
        .max(10_000_000)
        .default(0)
        .describe(
          'concurrent connections per client address, with proxyProtocol the one it names; 0: no limit',
        ),
    })
    .prefault({}),
});

/** For a name that is not ASCII, the message says what to write instead. */
function noName(text: string): string {
  const name = /^\p{ASCII}*$/u.test(text) ? undefined : parseDomainName(text);
  return name?.ok === false ? name.problem : 'expected a host name';
}

const adminSettings = z.strictObject({
  // Loopback: anybody who can reach it can send commands.
  address: listenAddress.default('127.0.0.1:8081'),
  token: z
    .string()
    .min(1)
    .max(4096)
    // RFC 9110 §5.5: characters that a header field may contain without quoting.
    .regex(/^[\x21-\x7e]+$/, 'expected visible ASCII without spaces')
    .optional()
    .meta({
      description: 'bearer token that callers must send; required if the address is not on loopback',
      writeOnly: true,
    }),
  names: z
    .array(z.string().regex(/^[A-Za-z0-9_.[\]:-]{1,253}$/, { error: ({ input }) => noName(String(input)) }))
    .max(100)
    .default([])
    .describe('additional Host names accepted'),
});

export const processShape = {
  listeners: z.array(listenerSettings).min(1).max(64).prefault([{}]),
  admin: adminSettings.prefault({}),
  data: z.string().min(1).max(4096).default('./switchyard-data').describe('directory of the log'),
  // 0: without a load balancer in front, nobody would use the time.
  drainDelayMs: z
    .int()
    .min(0)
    .max(86_400_000)
    .default(0)
    .describe(
      'graceful shutdown: how long the router goes on as before after SIGTERM, while health checks fail',
    ),
  // 30 s: what Kubernetes and Heroku allow between SIGTERM and SIGKILL.
  drainMs: z
    .int()
    .min(0)
    .max(86_400_000)
    .default(30_000)
    .describe('graceful shutdown: how long requests may take to finish after that'),
  accessLog: z
    .union([z.enum(['logfmt', 'json']), z.literal(false)])
    .default('logfmt')
    .describe('one line per request on standard output'),
  journal: z
    .strictObject({
      enabled: z.boolean().default(true).describe('record every routing decision'),
      // Off: query strings contain secrets.
      queryStrings: z.boolean().default(false).describe('record query strings too'),
      // 2 GiB: tens of millions of requests of about 70 bytes each.
      maxBytes: z
        .int()
        .min(1_048_576)
        .default(2_147_483_648)
        .describe('retention by size: the oldest records are deleted'),
      // A day.
      maxAgeMs: z.int().min(1000).default(86_400_000).describe('retention by age: older records are deleted'),
    })
    .prefault({}),
} as const;

export type ListenerSettings = z.output<typeof listenerSettings>;
export type ProcessSettings = {
  readonly [Key in keyof typeof processShape]: z.output<(typeof processShape)[Key]>;
};
