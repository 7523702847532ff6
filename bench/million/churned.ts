/** Very many changes in a row, and the memory that they leave behind. */
import { AdminClient } from '../../test/support/admin-client.ts';
import type { RouterProcess } from '../../test/support/router-process.ts';
import type { Row } from './report.ts';
import { residentMb } from './resident.ts';

const LANES = 16;
const CHANGES_A_TURN = 5;
const SAMPLES = 50;

type Churn = {
  readonly changes: number;
  readonly perSecond: number;
  /** Once a tenth of the changes had happened, at the end, and the most in between. */
  readonly firstMb: number;
  readonly lastMb: number;
  readonly mostMb: number;
};

export async function churned(
  router: RouterProcess,
  count: number,
  tell: (what: string) => void,
): Promise<readonly Row[]> {
  const found = await churn(router, count, (done) => tell(`${done} changes`));
  return [
    { what: 'changes in a row', found: found.changes, unit: '' },
    { what: '… a second, each durable and in force', found: found.perSecond, unit: '' },
    { what: '… memory when a tenth was done', found: found.firstMb, unit: 'MB' },
    { what: '… memory at the end', found: found.lastMb, unit: 'MB' },
    {
      what: '… the most in between, beside the tenth',
      found: found.mostMb / found.firstMb,
      unit: '×',
      bar: { atMost: 1.05 },
    },
  ];
}

/** Pools and domains that come, change and go, again and again, each a command of its own. */
async function churn(
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
