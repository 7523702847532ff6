/** Configuration: what a file may say, read and checked, and how it differs from what is in force. */
export {
  type Config,
  configSchema,
  localAddresses,
  type Overrides,
  parseConfig,
  parseDesired,
} from './config.ts';
export { describeMatch } from './describe-match.ts';
export {
  type BackendChange,
  type Change,
  type DomainChange,
  difference,
  type Field,
  type PoolChange,
  type Step,
} from './difference.ts';
export { type HostPort, isLoopback, parseHostPort, renderHostPort } from './host-port.ts';
export { describeSchema, isSchema, type JsonSchema, jsonSchemaOf, schemaAt } from './issues.ts';
export { keptSettings } from './kept-settings.ts';
export { loadConfig, MAX_FILE_BYTES, readConfigFile, readText } from './load.ts';
export { nearest } from './nearest.ts';
export { compilePattern } from './path-pattern.ts';
export { type Checked, type Problem, renderProblem, renderProblems } from './problem.ts';
export { type AdminSettings, type ListenerSettings, listenAddress, type ProcessSettings } from './process.ts';
export { publishedSchema } from './published-schema.ts';
export { readBytes, unreadableAs } from './read-file.ts';
export { readJson } from './read-json.ts';
export {
  describeExcess,
  type ExcessiveRemoval,
  excessiveRemovals,
  MAX_ALLOWANCE,
  MAX_CHANGES,
  removalsOf,
} from './removals.ts';
export { type Mark, type Paint, renderDifference } from './render-difference.ts';
export { EMPTY_ROUTING, type RoutedPool, type Routing, type RoutingJson, routingJson } from './routing.ts';
export {
  type OwnAddresses,
  type PoolWish,
  parseBackendWish,
  parseDomainWish,
  parsePoolWish,
  parseRouting,
} from './routing-schema.ts';
