export { chainIds, type DigestAlgorithm, digestOf, isDigest, type ParsedDigest, parseDigest, shortDigest } from './digest.ts';
