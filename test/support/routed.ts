/** A router over scripted backends, closed after each test. */
import { afterEach } from 'vitest';
import { holdPort } from './held-port.ts';
import { PlaneUnderTest, type PlaneWish } from './plane-under-test.ts';
import { type Script, ScriptedBackend } from './scripted-backend.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

export function closing<T extends { close(): Promise<void> }>(one: T): T {
  open.push(one);
  return one;
}

export async function backendThat(script?: Script): Promise<ScriptedBackend> {
  return closing(await ScriptedBackend.listen(script));
}

export async function routerOver(wish: PlaneWish): Promise<PlaneUnderTest> {
  return closing(await PlaneUnderTest.start(wish));
}

/** One backend, web.1, and a router over it. */
export async function routed(
  script?: Script,
  wish: PlaneWish = {},
  maxConcurrency?: number,
): Promise<{ router: PlaneUnderTest; backend: ScriptedBackend }> {
  const backend = await backendThat(script);
  const limit = maxConcurrency === undefined ? {} : { maxConcurrency };
  const router = await routerOver({ backends: { 'web.1': { port: backend.port, ...limit } }, ...wish });
  return { router, backend };
}

export const GET = 'GET / HTTP/1.1\r\nHost: app.test\r\n\r\n';

export function get(path: string, ...fields: readonly string[]): string {
  return `GET ${path} HTTP/1.1\r\nHost: app.test\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`;
}

export function post(body: string, ...fields: readonly string[]): string {
  const extra = fields.map((field) => `${field}\r\n`).join('');
  return `POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: ${body.length}\r\n${extra}\r\n${body}`;
}

/** A port on which nobody listens, until the end of the test. */
export async function deadPort(): Promise<number> {
  return closing(await holdPort()).port;
}
