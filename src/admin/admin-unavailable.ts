/** The admin listener cannot be opened as configured; the program ends with this message. */
export class AdminUnavailable extends Error {
  override readonly name = 'AdminUnavailable';
  readonly code: 'address_invalid' | 'address_exposed' | 'address_in_use' | 'address_unavailable';
  constructor(code: AdminUnavailable['code'], message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export function cannotListen(address: string, cause: unknown): AdminUnavailable {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  if (code === 'EADDRINUSE') {
    return new AdminUnavailable(
      'address_in_use',
      `admin: expected ${address} to be free, found it in use`,
      cause,
    );
  }
  return new AdminUnavailable('address_unavailable', `admin: cannot listen on ${address}: ${code}`, cause);
}
