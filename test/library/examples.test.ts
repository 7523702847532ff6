/** Every example is started as a newcomer starts it, and asked over a socket. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { RawClient, type RawResponse } from '../support/raw-client.ts';
import { backendThat } from '../support/routed.ts';
import { ok } from '../support/scripted-backend.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const EXAMPLES = resolve(import.meta.dirname, '../../examples');
const running: ChildProcess[] = [];

afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

class Example {
  readonly child: ChildProcess;
  output = '';
  port = 0;

  static async start(name: string, ...args: readonly string[]): Promise<Example> {
    const example = new Example(spawn(process.execPath, [join(EXAMPLES, name), ...args]));
    await example.says(/listening on http:\/\/\S+:(\d+)\n/);
    example.port = Number(/listening on \S+:(\d+)\n/.exec(example.output)?.[1]);
    return example;
  }

  constructor(child: ChildProcess) {
    this.child = child;
    running.push(child);
    child.stdout?.on('data', (text) => {
      this.output += text;
    });
    child.stderr?.on('data', (text) => {
      this.output += text;
    });
  }

  async says(words: RegExp): Promise<RegExpExecArray> {
    await expect.poll(() => this.output, { interval: 10 }).toMatch(words);
    return words.exec(this.output)!;
  }

  async get(host: string, ...fields: readonly string[]): Promise<RawResponse> {
    const client = await RawClient.connect(this.port);
    const more = fields.map((field) => `${field}\r\n`).join('');
    const response = await client.request(`GET / HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`);
    client.close();
    return response;
  }
}

describe('the example', () => {
  it('toy-router: vegur’s callbacks in one object', async () => {
    const example = await Example.start('toy-router.ts', '0');
    for (let i = 0; i < 3; i++) {
      const response = await example.get('shop.example');
      expect(response.status).toBe(200);
      expect(response.headers.get('x-served-by')).toBe(response.headers.get('x-backend'));
    }
    expect((await example.get('old.example')).headers.get('location')).toBe('http://shop.example/');
    expect(await example.get('none.example')).toMatchObject({ status: 404, body: 'no app: app_not_found\n' });
    expect(await example.get('empty.example')).toMatchObject({
      status: 503,
      body: 'empty: no_web_processes\n',
    });
    await example.says(/GET \/ 200 responded \d+ ms\n/);
    await example.says(/GET \/ 503 no_web_processes \d+ ms\n/);
  });

  it('http-proxy: everything to one target, WebSockets included', async () => {
    const backend = await backendThat((request, connection) => {
      if (!request.headers.has('upgrade')) return ok(`${request.target} for ${request.headers.get('host')}`);
      connection.send(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi',
      );
      return undefined;
    });
    const example = await Example.start('http-proxy.ts', `http://127.0.0.1:${backend.port}`, '0');
    expect((await example.get('any.test')).body).toBe('/ for any.test');
    const client = await RawClient.connect(example.port);
    client.send('GET / HTTP/1.1\r\nHost: any.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    await client.receives('\r\n\r\nhi');
    client.close();
  });

  it('dynamic-lookup: asks its slow source once for many', async () => {
    const example = await Example.start('dynamic-lookup.ts', '0');
    const responses = await Promise.all([1, 2, 3].map(() => example.get('a.example')));
    for (const response of responses) expect(response.status).toBe(200);
    expect(responses.map((response) => response.headers.get('x-source-asked'))).toEqual(['1', '1', '1']);
    expect((await example.get('a.example')).headers.get('x-source-asked')).toBe('1');
    expect((await example.get('other.test')).status).toBe(404);
    expect((await example.get('broken.example')).status).toBe(503);
  });

  it('embedded-router: domains come and go while it runs', async () => {
    await using directory = await tempDirectory();
    const example = await Example.start('embedded-router.ts', '0', join(directory.path, 'log'));
    const [, api = ''] = await example.says(/api on (http:\S+)\n/);
    expect((await example.get('shop.example')).status).toBe(404);
    expect(await (await fetch(`${api}/shop.example`, { method: 'PUT' })).text()).toBe('shop.example\n');
    expect((await example.get('shop.example')).body).toContain('web.1 answers GET /');
    await example.says(/DomainCreated domain-shop\.example\n/);
    expect((await fetch(`${api}/not%20a%20host`, { method: 'PUT' })).status).toBe(400);
    expect((await fetch(`${api}/other.example`, { method: 'DELETE' })).status).toBe(409);
    expect((await fetch(`${api}/shop.example`, { method: 'DELETE' })).status).toBe(200);
    expect((await example.get('shop.example')).status).toBe(404);
    const exited = once(example.child, 'exit');
    example.child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  it('error-pages: for people, for programs, for maintenance', async () => {
    const example = await Example.start('error-pages.ts', '0');
    expect((await example.get('shop.example')).status).toBe(200);
    const away = await example.get('away.example');
    expect(away.status).toBe(503);
    expect(away.headers.get('retry-after')).toBe('600');
    expect(away.body).toContain('<h1>Away is being worked on.');
    const gone = await example.get('gone.example', 'Accept: application/json');
    expect(gone.status).toBe(502);
    expect(JSON.parse(gone.body)).toMatchObject({ error: 'connect_refused' });
    expect((await example.get('none.example')).body).toContain('There is no such site.');
  });

  it('are all of them', () => {
    expect(readdirSync(EXAMPLES).sort()).toEqual([
      // Started by test/e2e/capacity.test.ts, which has a router for it.
      'autoscaler.ts',
      'backend.ts',
      'dynamic-lookup.ts',
      'embedded-router.ts',
      'error-pages.ts',
      'http-proxy.ts',
      // Read by test/config; docs/routes.md explains it.
      'routes.yaml',
      'toy-router.ts',
    ]);
  });
});
