/** Whether clients with a cookie come home, and whoever has no home is given one. */
import type { Asked, Attempt, Got } from './book.ts';
import { COOKIE, isSteady } from './tenants.ts';

/** The cookie that an answer sets; undefined: none. */
export function cookieIn({ fields }: Got): string | undefined {
  return new RegExp(`^${COOKIE}=([^;]+)`).exec(fields.get('set-cookie') ?? '')?.[1];
}

export class Sessions {
  readonly #homes = new Map<string, string>();
  readonly #cookies = new Map<string, string>();

  /** What is wrong with the answer of this attempt, if anything is. */
  faultOf({ cookie, attempts }: Asked, got: Got, { backend }: Attempt): string | undefined {
    const home = cookie === undefined ? undefined : this.#homes.get(cookie);
    const given = cookieIn(got);
    const [first] = attempts;
    if (home !== undefined && isSteady(home) && first?.backend !== home)
      return `expected to come home to ${home}, found ${first?.backend}`;
    if (home === backend)
      return given === undefined ? undefined : `expected no other cookie at home, found ${given}`;
    if (given === undefined) return `expected a cookie of ${backend}, found none`;
    return this.#learn(given, backend);
  }

  /** A cookie is one backend's, and each has one. */
  #learn(cookie: string, backend: string): string | undefined {
    const home = this.#homes.get(cookie) ?? backend;
    const known = this.#cookies.get(backend) ?? cookie;
    if (home !== backend || known !== cookie)
      return `expected ${known} to be the cookie of ${home}, found ${cookie} to be that of ${backend}`;
    this.#homes.set(cookie, backend);
    this.#cookies.set(backend, cookie);
    return undefined;
  }
}
