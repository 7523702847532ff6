/** The options of `serve` and `demo`; `src/main.ts` runs them. */
import type { Verb } from '../verb.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const OPTIONS: Verb['options'] = {
  data: { value: 'DIR', description: 'directory of the log (./switchyard-data)' },
  listen: {
    value: 'HOST:PORT',
    multiple: true,
    description: 'listen address (0.0.0.0:8080); port 0: any free port',
  },
  admin: { value: 'HOST:PORT', description: 'admin address (127.0.0.1:8081)' },
  'token-file': { value: 'FILE', description: 'file with the admin token' },
  workers: {
    value: 'N',
    description: 'worker threads (one per core); 0: route in the main thread',
  },
  chaos: { description: 'allow POST /v1/chaos, which makes actors fail' },
  json: { description: 'write the access log as JSON' },
  'log-level': { value: 'LEVEL', description: `one of ${LOG_LEVELS.join(', ')} (info)` },
};

export const serveVerb: Verb = {
  name: 'serve',
  positionals: [],
  summary: 'runs the router until SIGTERM or SIGINT',
  details: [
    'Flags win over the file. The pools and domains of the file fill an empty log. If the log has history, the router',
    'starts from the log and prints how the file differs; --apply applies the file.',
  ],
  options: {
    config: { value: 'FILE', description: 'JSON, YAML, or a TypeScript module with a default export' },
    'take-over': {
      description:
        'hot upgrade: replace the router that serves this directory, if there is one, without downtime',
    },
    apply: { description: "make pools and domains equal to the file's, whatever the log says" },
    ...OPTIONS,
  },
};

export const demoVerb: Verb = {
  name: 'demo',
  positionals: [],
  summary: 'runs serve with three small example backends and two domains on loopback',
  details: ['Uses a temporary log unless --data names a directory.'],
  options: {
    ...OPTIONS,
    data: { value: 'DIR', description: 'directory of the log (a temporary one)' },
    listen: { value: 'HOST:PORT', multiple: true, description: 'listen address (127.0.0.1:8080)' },
  },
};
