/** The part of the standard WebAssembly namespace that is used here; TypeScript has it only among the browser's types. */
declare namespace WebAssembly {
  type Exports = Readonly<Record<string, unknown>>;
  type Imports = Readonly<Record<string, object>>;
  function instantiate(bytes: Uint8Array, imports: Imports): Promise<{ readonly instance: { readonly exports: Exports } }>;
}
