/** Names in a path, parsed: an invalid name is refused, not looked up. */
import {
  type BackendId,
  type DomainName,
  type Parsed,
  type PoolName,
  parseBackendId,
  parseDomainName,
  parsePoolName,
} from '../../../eventlog/index.ts';
import type { Call } from './call.ts';
import { Refused } from './problem.ts';

export function hostOf(call: Call): DomainName {
  return parsed(parseDomainName, call, 'host');
}

export function poolOf(call: Call): PoolName {
  return parsed(parsePoolName, call, 'pool');
}

export function backendIdOf(call: Call): BackendId {
  return parsed(parseBackendId, call, 'id');
}

function parsed<Name>(parse: (text: string) => Parsed<Name>, call: Call, param: string): Name {
  const name = parse(call.params.get(param) ?? '');
  if (!name.ok) throw new Refused('invalid_name', name.problem);
  return name.value;
}
