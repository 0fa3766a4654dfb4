export interface TarFile {
  readonly path: string;
  readonly mode?: number;
  readonly content?: Buffer;
  readonly linkTarget?: string;
  readonly isDirectory?: boolean;
}

const block = 512;

function header({ path, mode = 0o644, content, linkTarget = '', isDirectory = false }: TarFile): Buffer {
  if (Buffer.byteLength(path) > 100 || Buffer.byteLength(linkTarget) > 100) throw new RangeError(`${path} is too long for a plain ustar entry`);
  const bytes = Buffer.alloc(block);
  const octal = (value: number, offset: number, length: number) => bytes.write(`${value.toString(8).padStart(length - 1, '0')}\0`, offset, 'latin1');
  let kind = '0';
  if (isDirectory) kind = '5';
  else if (linkTarget !== '') kind = '2';
  bytes.write(path, 0);
  octal(mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(content?.length ?? 0, 124, 12);
  octal(0, 136, 12);
  bytes.write('        ', 148, 'latin1');
  bytes.write(kind, 156, 'latin1');
  bytes.write(linkTarget, 157);
  bytes.write('ustar\u000000', 257, 'latin1');
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return bytes;
}

/** A ustar archive in memory; every time is 1970, so equal input gives equal bytes. */
export function toTar(files: readonly TarFile[]): Buffer {
  const parts = files.flatMap((file) => {
    const content = file.content ?? Buffer.alloc(0);
    return [header(file), content, Buffer.alloc((block - (content.length % block)) % block)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}
