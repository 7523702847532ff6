/** One verb of the command line, with everything its usage text needs. */

import { parseDomainName, parsePoolName } from '../../eventlog/index.ts';
import type { Io } from './io.ts';
import type { Printer } from './render/printer.ts';
import type { AdminClient } from './transport/admin-client.ts';
import type { Arguments, Option, Options, Words } from './words/arguments.ts';

/** Done; refused or false; wrong usage. */
export type ExitCode = 0 | 1 | 2;

export type Verb = Words & {
  /** `domain set` */
  readonly name: string;
  /** One line without a full stop. */
  readonly summary: string;
  readonly details?: readonly string[];
  /** Absent for `serve` and `demo`, which `src/main.ts` runs. */
  readonly run?: (context: Context) => Promise<ExitCode>;
};

export type Context = {
  readonly io: Io;
  readonly args: Arguments;
  readonly print: Printer;
  /** Made on first use, closed when the command ends. */
  readonly admin: () => Promise<AdminClient>;
};

const JSON_OPTION: Option = { description: 'print JSON' };

/** For verbs that talk to a running router. */
export const ADMIN_OPTIONS = {
  admin: { value: 'HOST:PORT', description: "the router's admin address (127.0.0.1:8081)" },
  'token-file': { value: 'FILE', description: 'file with the admin token' },
  json: JSON_OPTION,
} as const satisfies Options;

/** For verbs that change something. */
export const CHANGE_OPTIONS = {
  ...ADMIN_OPTIONS,
  as: { value: 'NAME', description: 'recorded author of the change (the operating-system user)' },
} as const satisfies Options;

/** For verbs that read, from a running router or from its data. */
export const READ_OPTIONS = {
  data: { value: 'DIR', description: 'read this data directory instead of asking a router' },
  ...ADMIN_OPTIONS,
} as const satisfies Options;

/** For verbs that can be limited to one domain or pool. */
export const SCOPE_OPTIONS = {
  domain: { value: 'HOST', parse: parseDomainName, description: 'only this domain' },
  pool: { value: 'POOL', parse: parsePoolName, description: 'only this pool and its backends' },
} as const satisfies Options;

export function scopeOf(args: Arguments): { domain: string | undefined; pool: string | undefined } {
  return { domain: args.text('domain'), pool: args.text('pool') };
}
