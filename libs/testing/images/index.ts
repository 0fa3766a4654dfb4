export { type BusyboxImage, busyboxArchive } from './busybox-image.ts';
export { type TarFile, toTar } from './tar.ts';
