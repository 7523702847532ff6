/** The header fields a router treats specially, told apart by length and then letters: no map, no allocation. */

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
  switch (name.length) {
    case 2:
      return isNamed(name, 'te') ? FIELD.te : FIELD.ordinary;
    case 3:
      return isNamed(name, 'via') ? FIELD.via : FIELD.ordinary;
    case 4:
      return isNamed(name, 'host') ? FIELD.host : isNamed(name, 'date') ? FIELD.date : FIELD.ordinary;
    case 6:
      return isNamed(name, 'expect') ? FIELD.expect : FIELD.ordinary;
    case 7:
      return isNamed(name, 'upgrade')
        ? FIELD.upgrade
        : isNamed(name, 'trailer')
          ? FIELD.trailer
          : FIELD.ordinary;
    case 9:
      return isNamed(name, 'forwarded') ? FIELD.forwarded : FIELD.ordinary;
    case 10:
      if (isNamed(name, 'connection')) return FIELD.connection;
      if (isNamed(name, 'keep-alive')) return FIELD.keepAlive;
      return isNamed(name, 'set-cookie') ? FIELD.setCookie : FIELD.ordinary;
    case 12:
      if (isNamed(name, 'x-request-id')) return FIELD.xRequestId;
      return isNamed(name, 'max-forwards') ? FIELD.maxForwards : FIELD.ordinary;
    case 14:
      return isNamed(name, 'content-length') ? FIELD.contentLength : otherForwarded(name);
    case 15:
      if (isNamed(name, 'x-forwarded-for')) return FIELD.xForwardedFor;
      return isNamed(name, 'x-request-start') ? FIELD.xRequestStart : otherForwarded(name);
    case 16:
      if (isNamed(name, 'x-forwarded-port')) return FIELD.xForwardedPort;
      return isNamed(name, 'proxy-connection') ? FIELD.proxyConnection : otherForwarded(name);
    case 17:
      if (isNamed(name, 'transfer-encoding')) return FIELD.transferEncoding;
      return isNamed(name, 'x-forwarded-proto') ? FIELD.xForwardedProto : otherForwarded(name);
    case 19:
      return isNamed(name, 'proxy-authorization') ? FIELD.proxyAuthorization : otherForwarded(name);
    default:
      return name.length > 12 ? otherForwarded(name) : FIELD.ordinary;
  }
}

function otherForwarded(name: string): FieldKind {
  return startsNamed(name, 'x-forwarded-') ? FIELD.xForwardedOther : FIELD.ordinary;
}

function isNamed(name: string, lower: string): boolean {
  return name.length === lower.length && startsNamed(name, lower);
}

function startsNamed(name: string, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    const byte = name.charCodeAt(i);
    const wanted = lower.charCodeAt(i);
    // Names are tokens, so | 0x20 makes only letters meet letters, and leaves the dash as it is.
    if ((byte | 0x20) !== wanted && !(byte === UNDERSCORE && wanted === DASH)) return false;
  }
  return true;
}

const UNDERSCORE = 0x5f;
const DASH = 0x2d;
