import { expect, it } from 'vitest';
import {
  BACKEND_DEFAULTS,
  DOMAIN_DEFAULTS,
  POOL_DEFAULTS,
} from '../../../eventlog/settings/setting-defaults.ts';
import { backendSettings, domainSettings, poolSettings } from '../../../eventlog/settings/settings.ts';

// As text: their order is that in which people are shown them.
const text = (value: unknown) => JSON.stringify(value);

it('has the defaults of the schemas, in their order', () => {
  expect(text(POOL_DEFAULTS)).toBe(text(poolSettings.parse({})));
  expect(text(BACKEND_DEFAULTS)).toBe(text(backendSettings.omit({ address: true }).parse({})));
  expect(text(DOMAIN_DEFAULTS)).toBe(text(domainSettings.omit({ pool: true }).parse({})));
});
