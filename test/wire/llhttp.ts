/** The referee: llhttp, the parser of Node, as undici ships it in WebAssembly, driven directly and in strict mode. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const bytes: Buffer = require('undici/lib/llhttp/llhttp-wasm.js');
const constants: {
  METHODS_HTTP: number[];
  METHODS: Record<string, number>;
} = require('undici/lib/llhttp/constants.js');

export type Reading = {
  /** `complete`: a whole message, ending at `end`. `more`: it waits. `error`: it refuses. */
  readonly verdict: 'complete' | 'more' | 'error';
  readonly error: string;
  readonly headIsComplete: boolean;
  readonly minor: number;
  readonly method: number;
  readonly status: number;
  /** The request target, or the reason phrase. */
  readonly line: string;
  /** Flat, header fields first and then trailers; values without blanks at their ends. */
  readonly fields: readonly string[];
  readonly headFields: number;
  readonly body: Buffer;
  readonly end: number;
  readonly keepAlive: boolean;
  readonly needsEof: boolean;
};

type Exports = {
  memory: { readonly buffer: ArrayBuffer };
  malloc(size: number): number;
  llhttp_alloc(type: number): number;
  llhttp_free(parser: number): void;
  llhttp_execute(parser: number, data: number, length: number): number;
  llhttp_get_error_pos(parser: number): number;
  llhttp_get_error_reason(parser: number): number;
  llhttp_get_http_minor(parser: number): number;
  llhttp_get_method(parser: number): number;
  llhttp_get_status_code(parser: number): number;
  llhttp_message_needs_eof(parser: number): number;
};

/** The part of WebAssembly used here; its types come with a browser's, which this project does not load. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: {
    Module: new (code: Uint8Array) => object;
    Instance: new (module: object, imports: object) => { readonly exports: unknown };
  };
};

const REQUEST = 1;
const RESPONSE = 2;
const OK = 0;
const PAUSED = 21;
const PAUSED_UPGRADE = 22;
const SKIP_BODY = 1;
const ROOM = 1 << 20;

let line = '';
let fields: string[] = [];
let headFields = 0;
let inValue = true;
let headIsComplete = false;
let isComplete = false;
let keepAlive = false;
let needsEof = false;
let skipsBody = false;
let body: Buffer[] = [];

const instance = new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array(bytes)), {
  env: {
    wasm_on_message_begin: () => 0,
    wasm_on_url: (_: number, at: number, length: number) => add(at, length),
    wasm_on_status: (_: number, at: number, length: number) => add(at, length),
    wasm_on_header_field: (_: number, at: number, length: number) => {
      if (inValue) fields.push('', '');
      inValue = false;
      fields[fields.length - 2] += text(at, length);
      return 0;
    },
    wasm_on_header_value: (_: number, at: number, length: number) => {
      inValue = true;
      fields[fields.length - 1] += text(at, length);
      return 0;
    },
    wasm_on_headers_complete: (parser: number, _status: number, _upgrade: number, mayKeepAlive: number) => {
      headIsComplete = true;
      headFields = fields.length / 2;
      keepAlive = mayKeepAlive === 1;
      needsEof = !skipsBody && llhttp.llhttp_message_needs_eof(parser) === 1;
      return skipsBody ? SKIP_BODY : 0;
    },
    wasm_on_body: (_: number, at: number, length: number) => {
      body.push(Buffer.from(memory().subarray(at, at + length)));
      return 0;
    },
    wasm_on_message_complete: () => {
      isComplete = true;
      return PAUSED;
    },
  },
});
const llhttp = instance.exports as Exports;
const room = llhttp.malloc(ROOM);

/** What llhttp makes of one message at the start of some bytes. `toHead`: a response to HEAD. */
export function llhttpReads(kind: 'request' | 'response', message: Buffer, toHead = false): Reading {
  line = '';
  fields = [];
  body = [];
  inValue = true;
  headIsComplete = false;
  isComplete = false;
  keepAlive = false;
  needsEof = false;
  headFields = 0;
  skipsBody = toHead;
  const parser = llhttp.llhttp_alloc(kind === 'request' ? REQUEST : RESPONSE);
  memory().set(message, room);
  const code = llhttp.llhttp_execute(parser, room, message.length);
  const stopped = code === OK ? message.length : llhttp.llhttp_get_error_pos(parser) - room;
  const isPaused = code === PAUSED || code === PAUSED_UPGRADE;
  const reading: Reading = {
    verdict: code === OK ? 'more' : isPaused && isComplete ? 'complete' : 'error',
    error: code === OK || isPaused ? '' : `${code} ${reason(parser)}`,
    headIsComplete,
    minor: llhttp.llhttp_get_http_minor(parser),
    method: llhttp.llhttp_get_method(parser),
    status: llhttp.llhttp_get_status_code(parser),
    line,
    fields: fields.map((part, i) => (i % 2 === 1 ? part.replace(/^[ \t]+|[ \t]+$/g, '') : part)),
    headFields,
    body: Buffer.concat(body),
    end: stopped,
    keepAlive,
    needsEof,
  };
  llhttp.llhttp_free(parser);
  return reading;
}

const SWAPPED = new Set(['PRI', 'SOURCE', 'CONNECT']);
const KNOWN = new Map(
  Object.entries(constants.METHODS)
    .filter(([name, number]) => constants.METHODS_HTTP.includes(number) && !SWAPPED.has(name))
    .map(([name, number]) => [name, number]),
);

/** The number llhttp has for a method, or undefined for one it does not know or takes for another protocol. */
export function llhttpMethod(name: string): number | undefined {
  return KNOWN.get(name);
}

function memory(): Uint8Array {
  return new Uint8Array(llhttp.memory.buffer);
}

function text(at: number, length: number): string {
  return Buffer.from(llhttp.memory.buffer, at, length).toString('latin1');
}

function add(at: number, length: number): number {
  line += text(at, length);
  return 0;
}

function reason(parser: number): string {
  const at = llhttp.llhttp_get_error_reason(parser);
  const all = memory();
  let end = at;
  while (all[end] !== 0) end++;
  return text(at, end - at);
}
