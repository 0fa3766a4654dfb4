export { type ComposeFault, type ParsedCompose, parseCompose } from './parse-compose.ts';
