export {
  defaultDomain,
  familiarReference,
  formatReference,
  normaliseReference,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from './reference.ts';
