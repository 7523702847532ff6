/** wrk as the load: closed loop over keep-alive connections, its figures read back as JSON from a Lua script. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RequestCase } from './cases.ts';

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

export const BENCH_HOST = 'bench.example';

export async function prepareLoad(directory: string, of: RequestCase): Promise<string> {
  const path = join(directory, `${of.name}.lua`);
  await writeFile(path, script(of));
  return path;
}

export async function load(
  scriptPath: string,
  of: RequestCase,
  port: number,
  seconds: number,
  core: string | undefined,
): Promise<Load> {
  const wrk = ['wrk', '-t1', `-c${of.connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', scriptPath];
  const command = core === undefined ? wrk : ['taskset', '-c', core, ...wrk];
  const [program = 'wrk', ...args] = [...command, `http://127.0.0.1:${port}/${of.responseBytes}`];
  const { stdout } = await run(program, args);
  const found = stdout.match(/^RESULT (.*)$/m)?.[1];
  if (found === undefined) throw new Error(`expected a RESULT line from wrk, found ${stdout}`);
  return readResult(JSON.parse(found));
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

function script(of: RequestCase): string {
  const headers = Object.entries({ ...of.headers, Host: BENCH_HOST });
  const body =
    of.requestBytes > 0 ? `wrk.body = string.rep("0123456789abcdef", ${of.requestBytes / 16})` : '';
  return `wrk.method = "${of.method}"
${headers.map(([name, value]) => `wrk.headers["${name}"] = ${JSON.stringify(value)}`).join('\n')}
${body}
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
