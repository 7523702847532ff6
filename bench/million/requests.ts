/** Requests to a router, few at once, and what became of them. */
import { Agent, request } from 'undici';

const AT_ONCE = 16;
// A file of the backend's.
export const PATH = '/128';

/** To these hosts in turn; returns how many were not answered 200. */
export async function requests(port: number, hosts: readonly string[], count: number): Promise<number> {
  const agent = new Agent({ connections: AT_ONCE });
  let failed = 0;
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const host = hosts[next++ % hosts.length] ?? '';
      if ((await statusOf(agent, port, host)) !== 200) failed++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  await agent.destroy();
  return failed;
}

/** 0: none came. */
async function statusOf(agent: Agent, port: number, host: string): Promise<number> {
  const { statusCode, body } = await request(`http://127.0.0.1:${port}${PATH}`, {
    dispatcher: agent,
    headers: { host },
  }).catch(() => ({ statusCode: 0, body: undefined }));
  await body?.dump();
  return statusCode;
}
