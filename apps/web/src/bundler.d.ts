/** What the bundler makes of things that are no modules, and what it tells them. */
declare module '*.module.css' {
  const names: Readonly<Record<string, string>>;
  // biome-ignore lint/style/noDefaultExport: the bundler's way to hand out the names of a sheet
  export default names;
}
declare module '*.css';
declare module '*?worker&url' {
  const path: string;
  // biome-ignore lint/style/noDefaultExport: the bundler's way to hand out the address of a worker's script
  export default path;
}

interface ImportMeta {
  /** Set by the bundler alone. */
  readonly env?: { readonly PROD: boolean };
}
