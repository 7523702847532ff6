/** Reads the config file again, on another thread, and puts its pools and domains in force. */
import type { Answer, Desk } from '../../actors/index.ts';
import type { ProcessSettings } from '../config/index.ts';
import { Comparing, type ConfigFile, type Historian, type WishRead } from '../history/index.ts';

export type Followed =
  | Exclude<WishRead, { type: 'read' }>
  | { readonly type: 'answered'; readonly settings: ProcessSettings | null; readonly answer: Answer };

/** `author`: as recorded in the log. Rejects like the historian. */
export async function followFile(
  file: ConfigFile,
  author: string,
  { desk, historian }: { readonly desk: Desk; readonly historian: Historian },
): Promise<Followed> {
  const wish = {
    wanted: { type: 'file', ...file },
    allowRemovals: 0,
    marks: { type: 'Follow', author, at: Date.now() },
    isShown: false,
  } as const;
  const comparing = await Comparing.begun(historian, wish);
  if (!(comparing instanceof Comparing)) return comparing;
  await using _ = comparing;
  await comparing.compare();
  const answer = await desk.carryOut(comparing.plan, { author }, comparing.digest);
  return { type: 'answered', settings: comparing.settings, answer };
}
