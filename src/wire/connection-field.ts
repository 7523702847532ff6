/** What the Connection field says about this hop (RFC 9110 §7.6.1). */
import type { Fields } from './message.ts';
import { COMMA, isBlank, sameText, TOKEN } from './octets.ts';

export const NO_FIELDS: Fields = Object.freeze([]);

export type ConnectionOptions = {
  close: boolean;
  keepAlive: boolean;
  upgrade: boolean;
  /** Lower-case names; undefined: none. */
  nominated: string[] | undefined;
};

/**
 * Adds the options of one Connection line. False: it is not a list of tokens. Blanks separate elements as well as
 * commas, because some clients write `Upgrade Keep-Alive`; the field ends at this hop, so reading it generously
 * misleads nobody.
 */
export function readConnection(value: string, options: ConnectionOptions): boolean {
  if (sameText(value, 'keep-alive')) {
    options.keepAlive = true;
    return true;
  }
  let from = 0;
  for (let at = 0; at <= value.length; at++) {
    const byte = at < value.length ? value.charCodeAt(at) : COMMA;
    if (TOKEN[byte] === 1) continue;
    if (byte !== COMMA && !isBlank(byte)) return false;
    if (at > from) addOption(value.slice(from, at).toLowerCase(), options);
    from = at + 1;
  }
  return true;
}

/** Whether a line is not empty but names no option, such as a lone comma. */
export function isEmptyList(value: string): boolean {
  if (value.length === 0) return false;
  for (let at = 0; at < value.length; at++) if (TOKEN[value.charCodeAt(at)] === 1) return false;
  return true;
}

function addOption(option: string, options: ConnectionOptions): void {
  if (option === 'close') options.close = true;
  else if (option === 'keep-alive') options.keepAlive = true;
  else if (option === 'upgrade') options.upgrade = true;
  else if (options.nominated === undefined) options.nominated = [option];
  else options.nominated.push(option);
}

/** Undefined for most heads, which nominate nothing. */
export function nominatedIn(nominated: Fields): ReadonlySet<string> | undefined {
  return nominated.length === 0 ? undefined : new Set(nominated);
}

export function isNamed(name: string, names: ReadonlySet<string> | undefined): boolean {
  return names?.has(name.toLowerCase()) === true;
}
