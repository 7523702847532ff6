import { STATUS_CODES } from 'node:http';
import { expect, it } from 'vitest';
import { STATUS_TITLES } from '../../../src/proxy/answer/status-titles.ts';

it('names each status as Node does', () => {
  expect(STATUS_TITLES).toEqual({ ...STATUS_CODES });
});
