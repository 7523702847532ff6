import { expect, it } from 'vitest';
import { isRequestIdempotent } from '../../../src/proxy/forward/idempotent.ts';

it('RFC 9110 §9.2.2: what is safe is idempotent, and PUT and DELETE; of what is unknown nobody knows', () => {
  const methods = [
    'GET',
    'HEAD',
    'OPTIONS',
    'TRACE',
    'PUT',
    'DELETE',
    'POST',
    'PATCH',
    'CONNECT',
    'PURGE',
    'get',
  ];
  expect(methods.filter(isRequestIdempotent)).toEqual(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
});
