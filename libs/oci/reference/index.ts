export { defaultDomain, familiarReference, formatReference, parseReference, type Reference, repositoryOf, withDefaultTag } from './reference.ts';
