/** wrk as the load: closed loop over keep-alive connections, its figures read back as JSON from a Lua script. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { EchoCase, RequestCase } from './cases.ts';

const run = promisify(execFile);

export type Load = {
  readonly requests: number;
  readonly seconds: number;
  readonly perSecond: number;
  readonly bytes: number;
  /** Connections that failed, broken reads and writes, time-outs, and answers of 400 or more. */
  readonly errors: number;
  readonly p50Us: number;
  readonly p99Us: number;
};

// 1 000: more than anybody remembers, and soon made.
const FRESH = 1000;

export const BENCH_HOST = 'bench.example';

/** The script of a case, for who is asked for these hosts. `delayMs`: how long a connection rests between, on average. */
export async function prepareLoad(
  directory: string,
  of: RequestCase,
  name: string,
  hosts: readonly string[],
  delayMs: number,
): Promise<string> {
  const path = join(directory, `${of.name}-${name}.lua`);
  await writeFile(path, script(of, hosts, delayMs));
  return path;
}

/** For so many seconds, or until there is `enough`. */
export async function load(
  scriptPath: string,
  of: RequestCase,
  port: number,
  seconds: number,
  core: string | undefined,
  enough?: AbortSignal,
): Promise<Load> {
  const wrk = ['wrk', '-t1', `-c${of.connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', scriptPath];
  const stdout = await runOn(core, [...wrk, `http://127.0.0.1:${port}/${of.responseBytes}`], enough);
  const found = stdout.match(/^RESULT (.*)$/m)?.[1];
  if (found === undefined) throw new Error(`expected a RESULT line from wrk, found ${stdout}`);
  return readResult(JSON.parse(found));
}

const ECHO_LOAD = join(import.meta.dirname, 'echo/load.ts');

export async function echoLoad(
  of: EchoCase,
  port: number,
  seconds: number,
  core: string | undefined,
): Promise<Load> {
  const numbers = [port, of.connections, of.messageBytes, seconds].map(String);
  return readResult(JSON.parse(await runOn(core, [process.execPath, ECHO_LOAD, ...numbers])));
}

async function runOn(
  core: string | undefined,
  command: readonly string[],
  enough?: AbortSignal,
): Promise<string> {
  const [program = '', ...args] = core === undefined ? command : ['taskset', '-c', core, ...command];
  const running = run(program, args);
  // wrk ends as if its time were over, and tells its figures.
  enough?.addEventListener('abort', () => running.child.kill('SIGINT'), { once: true });
  return (await running).stdout;
}

function readResult(raw: Readonly<Record<string, number>>): Load {
  const { requests = 0, us = 1, bytes = 0, errors = 0, p50 = 0, p99 = 0 } = raw;
  return {
    requests,
    seconds: us / 1e6,
    perSecond: requests / (us / 1e6),
    bytes,
    errors,
    p50Us: p50,
    p99Us: p99,
  };
}

function script(of: RequestCase, hosts: readonly string[], delayMs: number): string {
  const headers = Object.entries(of.headers).map(([name, value]) => [`["${name}"]`, JSON.stringify(value)]);
  const turns = of.fresh === undefined ? 1 : FRESH;
  const fresh = of.fresh === undefined ? '' : `headers["${of.fresh}"] = string.format("session=%08d", at)`;
  const body = of.requestBytes > 0 ? `string.rep("0123456789abcdef", ${of.requestBytes / 16})` : 'nil';
  return `local requests, turn = {}, 0
local headers = { ${headers.map((pair) => pair.join(' = ')).join(', ')} }
function init()
  for _, host in ipairs({ ${hosts.map((host) => JSON.stringify(host)).join(', ')} }) do
    headers["Host"] = host
    for at = 1, ${turns} do
      ${fresh}
      requests[#requests + 1] = wrk.format("${of.method}", nil, headers, ${body})
    end
  end
end
function request()
  turn = turn % #requests + 1
  return requests[turn]
end
${delayMs > 0 ? `function delay() return math.floor(math.random() * ${2 * delayMs} + 0.5) end` : ''}
function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"us":%d,"bytes":%d,"errors":%d,"p50":%d,"p99":%d}\\n',
    summary.requests, summary.duration, summary.bytes,
    e.connect + e.read + e.write + e.timeout + e.status,
    latency:percentile(50), latency:percentile(99)))
end
`;
}
