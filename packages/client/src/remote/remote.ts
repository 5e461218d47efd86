/** A client for whoever is at the other end of a line. Sub-path `@sotto/client/remote`. */
export { type Line, type Port, portLine } from './line.ts';
export { followClient, type ServeOptions, serveClient } from './serve.ts';
