/** The entry point: a router with the program's decisions, or the real one, depending on the options. */
import type { Backend, Decisions } from './decisions.ts';
import { type DelegatedOptions, delegatedSwitchyard, type Switchyard } from './delegated-switchyard.ts';
import { invalid, refuseKeys, refuseUnless } from './options.ts';
import { type RoutedOptions, type RoutedSwitchyard, routedSwitchyard } from './routed-switchyard.ts';

export function createSwitchyard<Domain = string, Service = Backend, State = undefined>(
  options: DelegatedOptions<Domain, Service, State>,
): Switchyard;
export function createSwitchyard(options: RoutedOptions): RoutedSwitchyard;
export function createSwitchyard<Domain, Service, State>(
  options: DelegatedOptions<Domain, Service, State> | RoutedOptions,
): Switchyard | RoutedSwitchyard {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw invalid('', 'options', options);
  refuseUnless('function', options, ['writeLog', 'report']);
  if ('decisions' in options) {
    refuseKeys(Object.keys(options), OF_DECISIONS, { beside: 'decisions' });
    checkCallbacks(options.decisions);
    return delegatedSwitchyard(options);
  }
  refuseKeys(Object.keys(options), OF_ROUTING, { beside: 'pools and domains' });
  refuseUnless('boolean', options, ['apply']);
  return routedSwitchyard(options);
}

const COMMON = ['listeners', 'accessLog', 'writeLog', 'report'];
export const OF_DECISIONS = [
  ...COMMON,
  ...['decisions', 'timeouts', 'limits', 'retries', 'decisionMs', 'connectTime', 'totalRouteTime'],
];
export const OF_ROUTING = [...COMMON, 'pools', 'domains', 'data', 'apply'];

export const CALLBACKS = {
  init: true,
  lookupDomain: true,
  checkout: true,
  backendOf: true,
  checkin: true,
  feature: true,
  additionalHeaders: true,
  errorPage: true,
  finished: true,
} satisfies Record<keyof Decisions, true>;

function checkCallbacks(decisions: unknown): void {
  if (typeof decisions !== 'object' || decisions === null)
    throw invalid('decisions', 'an object of callbacks', decisions);
  refuseUnless('function', decisions, Object.keys(CALLBACKS), 'decisions.');
  if (!('checkout' in decisions) || decisions.checkout === undefined)
    throw invalid('decisions.checkout', 'a function', undefined);
  // A class or a module may have further functions; in a plain object, every function is meant as a callback.
  if (Object.getPrototypeOf(decisions) === Object.prototype)
    refuseKeys(functionsOf(decisions), Object.keys(CALLBACKS), { at: 'decisions.' });
}

function functionsOf(decisions: object): string[] {
  return Object.entries(decisions).flatMap(([key, value]) => (typeof value === 'function' ? [key] : []));
}
