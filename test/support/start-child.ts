/** Starts a child as its supervisor would, for its first life or another; `ends` gets what it says of how a life ended. */
import type { ChildEnd, ChildSpec, Running } from '../../actors/index.ts';

export async function startChild(
  child: { readonly childSpec: () => ChildSpec },
  ends: ChildEnd[] = [],
): Promise<Running> {
  const { id, kind, start } = child.childSpec();
  const { signal } = new AbortController();
  return await start({ id, kind, signal, exited: (end) => void ends.push(end) });
}
