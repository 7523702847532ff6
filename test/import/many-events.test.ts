import { describe, expect, it } from 'vitest';
import { MAX_BACKENDS } from '../../actors/pool/pool.ts';
import { tempDirectory } from '../support/temp-directory.ts';
import { domains, importScene, POOL, POOL_EVENTS } from './scene.ts';

function pool(name: string, backends: number, port = 9000): string {
  const each = Array.from({ length: backends }, (_, index) => [
    `${name}.${index}.${port}`,
    { address: `10.0.${index >> 8}.${index & 255}:${port}` },
  ]);
  return `${JSON.stringify({ pool: name, backends: Object.fromEntries(each) })}\n`;
}

describe('an import of lines that come to many events each', () => {
  it('takes a pool with all the backends that one may have', async () => {
    await using directory = await tempDirectory();
    await using scene = await importScene(directory.path);
    const position = POOL_EVENTS + MAX_BACKENDS + 1 + 3;
    const text = POOL + pool('big', MAX_BACKENDS) + domains(3);
    expect(await scene.imported(text)).toMatchObject([{ type: 'done', to: 5, changed: 5, position }]);
    expect(await scene.imported(text)).toMatchObject([{ type: 'done', changed: 0, position }]);
    expect(Object.keys(await scene.backendsOf('big'))).toHaveLength(MAX_BACKENDS);
    await scene.expectWhole();
  });

  it('changes all backends of a pool for others, decided in its turn', async () => {
    await using directory = await tempDirectory();
    await using scene = await importScene(directory.path);
    await scene.imported(pool('web', 400));
    const found = await scene.imported(pool('web', 400, 9001) + domains(2));
    expect(found).toMatchObject([{ type: 'done', changed: 3, position: 401 + 800 + 2 }]);
    const backends = await scene.backendsOf('web');
    expect(Object.keys(backends)).toHaveLength(400);
    expect(backends).toMatchObject({ 'web.399.9001': { backend: { address: '10.0.1.143:9001' } } });
    await scene.expectWhole();
  });

  it('refuses one backend more, and all that is in its chunk', async () => {
    await using directory = await tempDirectory();
    await using scene = await importScene(directory.path);
    expect(await scene.imported(POOL + pool('big', MAX_BACKENDS + 1) + domains(3))).toMatchObject([
      { type: 'failed', from: 1, to: 5, failure: { line: 2, rejection: { type: 'backend_limit' } } },
    ]);
    expect(await scene.log.position()).toBe(0);
  });

  it('has no more of them in a chunk than its text has room for', async () => {
    await using directory = await tempDirectory();
    await using scene = await importScene(directory.path);
    const lines = Array.from({ length: 30 }, (_, index) => pool(`p${index}`, 400));
    const found = await scene.imported(lines.join(''), 1000);
    const most = Math.floor(262_144 / lines[10]!.length);
    expect(found.length).toBeGreaterThanOrEqual(Math.ceil(30 / most));
    for (const { from, to } of found) expect(to - from + 1).toBeLessThanOrEqual(most + 1);
    expect(found.at(-1)).toMatchObject({ type: 'done', to: 30, position: 30 * 401 });
    await scene.expectWhole();
  });
});
