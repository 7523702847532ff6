/** Who is found at the admin's address by a process that wants to take over. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Predecessor } from '../../src/router/predecessor.ts';
import { scene } from '../admin/scene.ts';

const find = (admin: string, token?: string) => Predecessor.find({ admin, token, directory: '1:2' });

describe('a router to take over', () => {
  it('is not there where nothing answers', async () => {
    await using s = await scene();
    await s.admin.close();
    expect(await find(s.address)).toBeUndefined();
  });

  it('is not to be had without its token', async () => {
    await using s = await scene({ token: 'right' });
    await expect(find(s.address, 'wrong')).rejects.toThrow(
      `the router at ${s.address} goes on: expected the admin token, found another`,
    );
  });

  it('is not to be had where it serves another directory', async () => {
    await using s = await scene();
    await expect(find(s.address)).rejects.toThrow(/to serve the same data directory as this router/);
  });

  it('of a version that does not know it is left as it is', async () => {
    // As every version before this one answers.
    const problem = { type: 'path_unknown', title: 'No such resource', status: 404, detail: 'no resource' };
    await using before = createServer((_request, response) => {
      response.writeHead(404, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
    });
    await new Promise<void>((resolve) => before.listen(0, '127.0.0.1', resolve));
    const admin = `127.0.0.1:${(before.address() as AddressInfo).port}`;
    await expect(find(admin)).rejects.toThrow(/found one of a version that cannot: end it \(SIGTERM\)/);
  });

  it('is not another program', async () => {
    await using other = createServer((_request, response) => response.end('hello\n'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const admin = `127.0.0.1:${(other.address() as AddressInfo).port}`;
    await expect(find(admin)).rejects.toThrow(`expected switchyard's admin API at ${admin}`);
  });

  it('has a port that can be known', async () => {
    await expect(find('127.0.0.1:0')).rejects.toThrow('expected the port of the router');
  });
});
