/** Looks into the ledgers now and then: a lease too many may wait for its connection, and so be seen nowhere else. */
import { type AdminClient, ledgerOf } from '../../../test/support/admin-client.ts';
import { pause } from '../../../test/support/eventually.ts';
import type { Book } from './book.ts';
import { poolsOf, SETTINGS, type Tenant } from './tenants.ts';

const EVERY_MS = 50;
// Their limits are never changed: where one is lowered, what is under way may stay above it.
const WATCHED: readonly Tenant[] = ['loyal', 'rough', 'brittle'];

export async function watchLedgers(admin: AdminClient, book: Book, isOver: () => boolean): Promise<void> {
  for (let turn = 0; !isOver(); turn++) {
    const tenant = WATCHED[turn % WATCHED.length] as Tenant;
    const [pool] = poolsOf(tenant);
    // The admin may be the part that has just crashed.
    const ledger = await ledgerOf(admin, pool).catch(() => undefined);
    for (const [name, { inFlight }] of Object.entries(ledger?.backends ?? {}))
      if (inFlight > (SETTINGS[tenant].maxConcurrency ?? Number.POSITIVE_INFINITY))
        book.complain(
          `${name}: expected at most ${SETTINGS[tenant].maxConcurrency} leases, found ${inFlight}`,
        );
    await pause(EVERY_MS);
  }
}
