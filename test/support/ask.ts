/** One request as any client would send it, and who answered. */
import { Agent, request } from 'undici';

export type Asked = {
  readonly status: number;
  /** The backend that answered; undefined where the router did. */
  readonly backend: string | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
};

export type AskOptions = {
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
};

// Connections that a test leaves open end with its process.
const agent = new Agent({ connections: 64, keepAliveTimeout: 2000 });

export async function ask(port: number, host: string, path = '/', options: AskOptions = {}): Promise<Asked> {
  const { statusCode, headers, body } = await request(`http://127.0.0.1:${port}${path}`, {
    method: options.method ?? 'GET',
    headers: { ...options.headers, host },
    body: options.body ?? null,
    dispatcher: agent,
  });
  const backend = headers['x-backend'];
  return {
    status: statusCode,
    headers,
    text: await body.text(),
    backend: typeof backend === 'string' ? backend : undefined,
  };
}
