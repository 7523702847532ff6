/** The one way in: a router whose decisions are the program's, or the real one, by what it is given. */
import type { Backend } from './decisions.ts';
import { type DelegatedOptions, delegatedSwitchyard, type Switchyard } from './delegated-switchyard.ts';
import { InvalidOptions } from './options.ts';
import { type RoutedOptions, type RoutedSwitchyard, routedSwitchyard } from './routed-switchyard.ts';

export function createSwitchyard<Domain = string, Service = Backend, State = undefined>(
  options: DelegatedOptions<Domain, Service, State>,
): Switchyard;
export function createSwitchyard(options: RoutedOptions): RoutedSwitchyard;
export function createSwitchyard<Domain, Service, State>(
  options: DelegatedOptions<Domain, Service, State> | RoutedOptions,
): Switchyard | RoutedSwitchyard {
  if (typeof options !== 'object' || options === null) throw unfit('', 'options', String(options));
  const unknown = Object.keys(options).find((key) => !KNOWN.has(key));
  if (unknown !== undefined) throw unfit(unknown, `one of ${[...KNOWN].join(', ')}`, `the key ${unknown}`);
  if (!('decisions' in options)) return routedSwitchyard(options);
  if ('pools' in options || 'domains' in options)
    throw unfit('', 'either decisions or pools and domains', 'both');
  if (typeof options.decisions?.checkout !== 'function')
    throw unfit('decisions.checkout', 'a function', typeof options.decisions?.checkout);
  return delegatedSwitchyard(options);
}

const KNOWN: ReadonlySet<string> = new Set(
  (
    'decisions listeners timeouts limits retries decisionMs connectTime totalRouteTime accessLog writeLog report ' +
    'pools domains data apply'
  ).split(' '),
);

function unfit(path: string, expected: string, found: string): InvalidOptions {
  return new InvalidOptions([{ path, expected, found }]);
}
