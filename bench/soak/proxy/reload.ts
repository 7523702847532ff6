/** The config file written anew and read again by SIGHUP, until the router says that it is in force. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pause } from '../../../test/support/eventually.ts';
import { configOf, type Scene } from './scene.ts';
import type { Witnesses } from './witnesses.ts';

const WITHIN_MS = 20_000;
const DONE = 'SIGHUP: pools and domains are as in the file';
// An owner that crashed too often, or the log.
const REFUSED = 'SIGHUP: nothing applied';

type State = { readonly pools: object; readonly domains: object };

/** All that is in force, and these domains. Nobody may change anything meanwhile. */
export async function reload(scene: Scene, { book, log }: Witnesses, domains: object): Promise<void> {
  const end = performance.now() + WITHIN_MS;
  const before = log.told(DONE);
  while (log.told(DONE) === before && performance.now() < end) {
    const state = await scene.admin.get<State>('/v1/state').catch(() => undefined);
    if (state?.status !== 200) await pause(20);
    else await ask(scene, log, { pools: state.body.pools, domains: { ...state.body.domains, ...domains } });
  }
  if (log.told(DONE) === before) book.complain(`SIGHUP: expected it in force within ${WITHIN_MS} ms`);
}

/** Until it is answered either way. */
async function ask(scene: Scene, log: Witnesses['log'], state: State): Promise<void> {
  const answers = () => log.told(DONE) + log.told(REFUSED);
  const before = answers();
  const config = { ...configOf(scene.backends), ...state };
  await writeFile(join(scene.directory, 'config.json'), JSON.stringify(config));
  scene.router.signal('SIGHUP');
  const end = performance.now() + WITHIN_MS;
  while (answers() === before && performance.now() < end) await pause(5);
}
