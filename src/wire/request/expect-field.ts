/** What an Expect field asks for (RFC 9110 §10.1.1). */
import { COMMA, isBlank, sameText, TOKEN, withoutBlanks } from '../octets.ts';

export type Expectation = 'none' | 'continue' | 'unsupported' | 'invalid';

export function readExpect(value: string): Expectation {
  if (sameText(value, '100-continue')) return 'continue';
  if (value === '') return 'none';
  return isExpectationList(value) ? listMeaning(value) : 'invalid';
}

/** A list of several 100-continue means the same as one. */
function listMeaning(value: string): Expectation {
  for (const element of value.split(',')) {
    const expectation = withoutBlanks(element);
    if (expectation !== '' && !sameText(expectation, '100-continue')) return 'unsupported';
  }
  return 'continue';
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const EQUALS = 0x3d;
const SEMICOLON = 0x3b;

/** expectation = token [ "=" ( token / quoted-string ) parameters ], in a list. One pass, no backtracking. */
function isExpectationList(value: string): boolean {
  let at = 0;
  for (;;) {
    at = pastBlanks(value, at);
    if (at < value.length && value.charCodeAt(at) !== COMMA) {
      at = pastExpectation(value, at);
      if (at < 0) return false;
      at = pastBlanks(value, at);
    }
    if (at === value.length) return true;
    if (value.charCodeAt(at) !== COMMA) return false;
    at++;
  }
}

function pastExpectation(value: string, from: number): number {
  let at = pastPair(value, from);
  while (at >= 0) {
    const next = pastBlanks(value, at);
    if (value.charCodeAt(next) !== SEMICOLON) return at;
    const parameter = pastBlanks(value, next + 1);
    // RFC 9110 §5.6.6: parameters = *( OWS ";" OWS [ parameter ] ).
    at = TOKEN[value.charCodeAt(parameter)] === 1 ? pastPair(value, parameter) : next + 1;
  }
  return at;
}

function pastPair(value: string, from: number): number {
  const name = pastToken(value, from);
  if (name === from) return -1;
  if (value.charCodeAt(name) !== EQUALS) return name;
  if (value.charCodeAt(name + 1) === QUOTE) return pastQuoted(value, name + 2);
  const end = pastToken(value, name + 1);
  return end === name + 1 ? -1 : end;
}

function pastToken(value: string, from: number): number {
  let at = from;
  while (TOKEN[value.charCodeAt(at)] === 1) at++;
  return at;
}

function pastQuoted(value: string, from: number): number {
  for (let at = from; at < value.length; at++) {
    const byte = value.charCodeAt(at);
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) at++;
  }
  return -1;
}

function pastBlanks(value: string, from: number): number {
  let at = from;
  while (isBlank(value.charCodeAt(at))) at++;
  return at;
}
