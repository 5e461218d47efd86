/** What the bundler makes of style sheets. */
declare module '*.module.css' {
  const names: Readonly<Record<string, string>>;
  // biome-ignore lint/style/noDefaultExport: the bundler's way to hand out the names of a sheet
  export default names;
}
declare module '*.css';
