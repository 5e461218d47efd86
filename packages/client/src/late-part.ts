/**
 * What few pages need at once: linking, and the transfer of files. Bundlers put it into a file of its own, which is
 * fetched when it is first asked for. In one piece: each further one costs a page more than it spares.
 */

export { createLinking } from './account/link-answer.ts';
export { beginLink } from './account/link-offer.ts';
export { ciphertextReader, openRanges, openWhole } from './files/file-download.ts';
export { upload } from './files/file-upload.ts';
