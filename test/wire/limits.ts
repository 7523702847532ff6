/** The defaults of interface.md, as readers take them. */
import type { RequestLimits, ResponseLimits, TrailerLimits } from '../../src/wire/index.ts';

export const LIMITS: RequestLimits & TrailerLimits = {
  requestLineBytes: 8192,
  headerNameBytes: 1000,
  headerValueBytes: 8192,
  headers: 1000,
  headBytes: 65_536,
  trailerBytes: 16_384,
};

export const RESPONSE_LIMITS: ResponseLimits = {
  statusLineBytes: 8192,
  setCookieLineBytes: 8192,
  headerLineBytes: 524_288,
  responseHeadBytes: 1_048_576,
};
