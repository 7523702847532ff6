/** Configuration: what a file may say, read and checked, and how it differs from what is in force. */
export { type Config, localAddresses, type Overrides, parseConfig, parseDesired } from './config.ts';
export { describeMatch } from './describe-match.ts';
export { type Change, difference, isSame, isSamePool } from './difference.ts';
export { isLoopback, parseHostPort, renderHostPort } from './host-port.ts';
export { isSchema, type JsonSchema, jsonSchemaOf, schemaAt } from './issues.ts';
export { keptSettings } from './kept-settings.ts';
export { loadConfig, MAX_FILE_BYTES, readConfigFile, readContent, readSent } from './load.ts';
export { nearest } from './nearest.ts';
export { compilePattern } from './path-pattern.ts';
export {
  type Checked,
  describeFound,
  MOST_SHOWN,
  type Problem,
  renderProblem,
  renderProblems,
  splitMessage,
} from './problem.ts';
export type { ListenerSettings, ProcessSettings } from './process.ts';
export { publishedSchema } from './published-schema.ts';
export { readBytes, unreadableAs } from './read-file.ts';
export { parsedJson, readJson } from './read-json.ts';
export {
  countsOf,
  describeExcess,
  excessiveRemovals,
  MAX_ALLOWANCE,
  MAX_CHANGES,
  type Removable,
  removedBy,
} from './removals.ts';
export { DifferenceRendering, type Mark, plural, renderDifference } from './render-difference.ts';
export {
  EMPTY_ROUTING,
  inOrder,
  poolJson,
  type RoutedPool,
  type Routing,
  type RoutingJson,
  routingJson,
} from './routing.ts';
export {
  type OwnAddresses,
  parseBackendWish,
  parseDomainWish,
  parsePoolWish,
  parseRouting,
} from './routing-schema.ts';
