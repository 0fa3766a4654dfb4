export { type Compression, decompress, detectCompression } from './decompress.ts';
export { readTar, type TarEntry, type TarEntryType } from './read-tar.ts';
export { type TarHeader, tarEnd, tarFile, tarHeader, tarPadding } from './write-tar.ts';
