/**
 * What few pages need at once: linking, and the transfer of files. Bundlers put it into a file of its own, which is
 * fetched when it is first asked for. In one piece: each further one costs a page more than it spares.
 */
export { ciphertextReader, openRanges, openWhole } from './file-download.ts';
export { upload } from './file-upload.ts';
export { createLinking } from './link-answer.ts';
export { beginLink } from './link-offer.ts';
