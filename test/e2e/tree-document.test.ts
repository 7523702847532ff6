/** The supervision tree that docs/architecture.md draws, beside the one of a running router. */
import { expect, it } from 'vitest';
import type { ActorInfo } from '../../actors/index.ts';
import { AdminClient } from '../support/admin-client.ts';
import { documentText } from '../support/documents.ts';
import { startRouter } from '../support/router-process.ts';
import { tempDirectory } from '../support/temp-directory.ts';

type Placed = { readonly id: string; readonly parent: string | undefined };

it('docs/architecture.md draws the tree of a running router', async () => {
  await using directory = await tempDirectory();
  await using router = await startRouter({ directory: directory.path });
  await using admin = new AdminClient(router.admin);
  const { body } = await admin.get<{ items: ActorInfo[] }>('/v1/actors');
  const found = body.items.map(({ id, parent }) => ({ id, parent }));
  // What stands for one thread each is not drawn.
  expect(drawn()).toEqual(found.filter(({ id }) => !id.includes(':')));
});

function drawn(): Placed[] {
  const [, tree = ''] = /```\n(switchyard .*?)\n```/s.exec(documentText('docs/architecture.md')) ?? [];
  const above: string[] = [];
  return tree.split('\n').map((line) => {
    const id = /\w+/.exec(line)?.[0] ?? '';
    const depth = line.indexOf(id) / 4;
    above[depth] = id;
    return { id, parent: above[depth - 1] };
  });
}
