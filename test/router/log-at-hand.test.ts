import { expect, it } from 'vitest';
import { LogAtHand } from '../../src/router/log-at-hand.ts';
import { createProcessLog } from '../../src/telemetry/process-log.ts';
import { tempDirectory } from '../support/temp-directory.ts';

it('says of how many owners it is while it is open, and nothing while it is not', async () => {
  await using directory = await tempDirectory();
  const tidings = createProcessLog({ level: 'silent', destination: { write() {} } });
  const atHand = new LogAtHand(directory.path, tidings);
  await atHand.openFirst();
  const log = atHand.open();
  expect(atHand.owners).toBe(0);
  // As after a crash, until it can be opened again.
  await log.close();
  expect(atHand.owners).toBe(undefined);
  const again = atHand.open();
  expect(atHand.owners).toBe(0);
  await again.close();
});
