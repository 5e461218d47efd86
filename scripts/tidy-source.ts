/** What the structure check reads and says. */

/** A file of the tree, by its path from the root. */
export interface SourceFile {
  path: string;
  text: string;
}

/** One fault: `path:line: what`. */
export type Fault = string;
