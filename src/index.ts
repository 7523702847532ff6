/** The door of the package: `import { createSwitchyard } from 'switchyard'`. */
export * from './library/index.ts';
