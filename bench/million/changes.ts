/** Changes of single domains and pools among many: what one takes until it is routed, and what very many leave behind. */
import { readFileSync } from 'node:fs';
import { Agent } from 'undici';
import { AdminClient } from '../../test/support/admin-client.ts';
import type { RouterProcess } from '../../test/support/router-process.ts';
import { statusOf } from './requests.ts';

const HOSTS = 100;

/** From sending the command to the head of the response to the first request it routes, each in milliseconds. */
export async function changing({ port, admin: address }: RouterProcess, count: number): Promise<number[]> {
  await using admin = new AdminClient(address);
  const agent = new Agent();
  const ms: number[] = [];
  for (let change = 0; change < count; change++) {
    const host = `changed-${change % HOSTS}.example.net`;
    const isPut = Math.floor(change / HOSTS) % 2 === 0;
    const began = performance.now();
    if (isPut) await admin.must('PUT', `/v1/domains/${host}`, { pool: 'pool-0' });
    else await admin.must('DELETE', `/v1/domains/${host}`);
    const status = await statusOf(agent, port, host);
    ms.push(performance.now() - began);
    if (status !== (isPut ? 200 : 404))
      throw new Error(`${host}: expected the change in force, found ${status}`);
  }
  for (let left = 0; left < Math.min(HOSTS, count % (2 * HOSTS)); left++)
    await admin.delete(`/v1/domains/changed-${left}.example.net`);
  await agent.destroy();
  return ms;
}

export type Churn = {
  readonly changes: number;
  readonly perSecond: number;
  /** Once a tenth of the changes had happened, at the end, and the most in between. */
  readonly firstMb: number;
  readonly lastMb: number;
  readonly mostMb: number;
};

const LANES = 16;
const CHANGES_A_TURN = 5;
const SAMPLES = 50;

/** Pools and domains that come, change and go, again and again, each a command of its own. */
export async function churn(
  { pid, admin: address }: RouterProcess,
  count: number,
  tell: (done: number) => void,
): Promise<Churn> {
  await using admin = new AdminClient(address);
  const sampled: number[] = [];
  let done = 0;
  const began = performance.now();
  const lane = async (number: number) => {
    for (let turn = 0; done < count; turn++) {
      const name = `churn-${number}-${turn % 50}`;
      const pool = `/v1/pools/${name}`;
      const domain = `/v1/domains/${name}.example.org`;
      await admin.must('PUT', pool, { backends: { a: { address: '127.0.0.1:9' } } });
      await admin.must('PUT', domain, { pool: name });
      await admin.must('PUT', domain, { pool: name, maintenance: true });
      await admin.must('DELETE', domain);
      await admin.must('DELETE', pool);
      done += CHANGES_A_TURN;
      if (done < ((sampled.length + 1) * count) / SAMPLES) continue;
      sampled.push(residentMb(pid));
      tell(done);
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
  const settled = sampled.slice(SAMPLES / 10 - 1);
  return {
    changes: done,
    perSecond: Math.round((done * 1000) / (performance.now() - began)),
    firstMb: settled[0] ?? 0,
    lastMb: settled.at(-1) ?? 0,
    mostMb: Math.max(...settled),
  };
}

/** Resident set of the process with all its threads, files that it shares with others included, as the system counts it. */
export function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024);
}
