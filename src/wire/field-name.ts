/** Recognises the header fields that a router treats specially, by length and then letters: no map, no allocation. */

export const FIELD = {
  ordinary: 0,
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  keepAlive: 5,
  proxyConnection: 6,
  proxyAuthorization: 7,
  te: 8,
  upgrade: 9,
  expect: 10,
  maxForwards: 11,
  via: 12,
  forwarded: 13,
  xForwardedFor: 14,
  xForwardedProto: 15,
  xForwardedPort: 16,
  /** Any other name that begins with X-Forwarded-. */
  xForwardedOther: 17,
  xRequestId: 18,
  xRequestStart: 19,
  setCookie: 20,
  date: 21,
  trailer: 22,
} as const;

export type FieldKind = (typeof FIELD)[keyof typeof FIELD];

/**
 * Which field a name is. An underscore counts as a dash: backends that put fields in variables (CGI, WSGI, Rack,
 * PHP) cannot tell them apart, so to us `X_Forwarded_For` is as forgeable as the field it would overwrite.
 */
export function fieldKind(name: string): FieldKind {
  return fieldKindAt(name, 0, name.length);
}

/** The same for a name within a text. */
export function fieldKindAt(text: string, from: number, to: number): FieldKind {
  switch (to - from) {
    case 2:
      return isNamed(text, from, 'te') ? FIELD.te : FIELD.ordinary;
    case 3:
      return isNamed(text, from, 'via') ? FIELD.via : FIELD.ordinary;
    case 4:
      return isNamed(text, from, 'host')
        ? FIELD.host
        : isNamed(text, from, 'date')
          ? FIELD.date
          : FIELD.ordinary;
    case 6:
      return isNamed(text, from, 'expect') ? FIELD.expect : FIELD.ordinary;
    case 7:
      return isNamed(text, from, 'upgrade')
        ? FIELD.upgrade
        : isNamed(text, from, 'trailer')
          ? FIELD.trailer
          : FIELD.ordinary;
    case 9:
      return isNamed(text, from, 'forwarded') ? FIELD.forwarded : FIELD.ordinary;
    case 10:
      if (isNamed(text, from, 'connection')) return FIELD.connection;
      if (isNamed(text, from, 'keep-alive')) return FIELD.keepAlive;
      return isNamed(text, from, 'set-cookie') ? FIELD.setCookie : FIELD.ordinary;
    case 12:
      if (isNamed(text, from, 'x-request-id')) return FIELD.xRequestId;
      return isNamed(text, from, 'max-forwards') ? FIELD.maxForwards : FIELD.ordinary;
    case 14:
      return isNamed(text, from, 'content-length') ? FIELD.contentLength : otherForwarded(text, from);
    case 15:
      if (isNamed(text, from, 'x-forwarded-for')) return FIELD.xForwardedFor;
      return isNamed(text, from, 'x-request-start') ? FIELD.xRequestStart : otherForwarded(text, from);
    case 16:
      if (isNamed(text, from, 'x-forwarded-port')) return FIELD.xForwardedPort;
      return isNamed(text, from, 'proxy-connection') ? FIELD.proxyConnection : otherForwarded(text, from);
    case 17:
      if (isNamed(text, from, 'transfer-encoding')) return FIELD.transferEncoding;
      return isNamed(text, from, 'x-forwarded-proto') ? FIELD.xForwardedProto : otherForwarded(text, from);
    case 19:
      return isNamed(text, from, 'proxy-authorization')
        ? FIELD.proxyAuthorization
        : otherForwarded(text, from);
    default:
      return to - from > 12 ? otherForwarded(text, from) : FIELD.ordinary;
  }
}

/** A key shared by all names that some backend may take for the same: in lower case, with dashes for underscores. */
export function fieldKey(name: string): string {
  const lower = name.toLowerCase();
  return lower.includes('_') ? lower.replaceAll('_', '-') : lower;
}

/** Whether the operator sets this field instead of the sender; `replaced`: the `fieldKey`s of the operator's fields. */
export function isReplaced(name: string, replaced: ReadonlySet<string> | undefined): boolean {
  return replaced?.has(fieldKey(name)) === true;
}

function otherForwarded(text: string, from: number): FieldKind {
  return isNamed(text, from, 'x-forwarded-') ? FIELD.xForwardedOther : FIELD.ordinary;
}

/** Whether the text at `from` continues with this name. */
function isNamed(text: string, from: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    const byte = text.charCodeAt(from + i);
    const wanted = lower.charCodeAt(i);
    // In a token, | 0x20 changes only letters, and leaves the dash as it is.
    if ((byte | 0x20) !== wanted && !(byte === UNDERSCORE && wanted === DASH)) return false;
  }
  return true;
}

const UNDERSCORE = 0x5f;
const DASH = 0x2d;
