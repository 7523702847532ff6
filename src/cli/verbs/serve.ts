/** What `serve` and `demo` take; `src/main.ts` does what they say. */
import type { Verb } from '../verb.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const OPTIONS: Verb['options'] = {
  data: { value: 'DIR', description: 'directory of the log (./switchyard-data)' },
  listen: {
    value: 'HOST:PORT',
    multiple: true,
    description: 'where to listen (0.0.0.0:8080); port 0: any free one',
  },
  admin: { value: 'HOST:PORT', description: 'admin address (127.0.0.1:8081)' },
  'token-file': { value: 'FILE', description: 'file with the admin token' },
  workers: {
    value: 'N',
    description: 'threads that route; one per core by default; 0: none but the main one',
  },
  chaos: { description: 'allow POST /v1/chaos, which makes actors fail' },
  json: { description: 'the access log as JSON too, where there is one' },
  'log-level': { value: 'LEVEL', description: `one of ${LOG_LEVELS.join(', ')} (info)` },
};

export const serveVerb: Verb = {
  name: 'serve',
  positionals: [],
  summary: 'runs the router until SIGTERM or SIGINT',
  details: [
    'Flags win over the file. The pools and domains of the file are applied to an empty log; on a log with history',
    'the difference is printed, and applied only with --apply.',
  ],
  options: {
    config: { value: 'FILE', description: 'JSON, YAML, or a TypeScript module with a default export' },
    'take-over': {
      description:
        'take the place of the router that serves this directory, refusing nobody; if there is one',
    },
    apply: { description: "make domains and pools equal to the file's, whatever the log says" },
    ...OPTIONS,
  },
};

export const demoVerb: Verb = {
  name: 'demo',
  positionals: [],
  summary: 'serve with three small example backends and two domains on loopback',
  details: [
    'Its log is made anew in a directory of its own, and removed at the end, unless --data names one.',
  ],
  options: {
    ...OPTIONS,
    data: { value: 'DIR', description: 'directory of the log (a temporary one)' },
    listen: { value: 'HOST:PORT', multiple: true, description: 'where to listen (127.0.0.1:8080)' },
  },
};
