/** Bounds of the terminal client, each with its reason. */

/** A command holds a store for a moment, so whoever comes meanwhile waits; a chat that is open holds it for hours. */
export const OPEN_WAIT_MS = 3_000;

/** Of a store's file that several processes may share: they meet at a socket beside it, whose path the system bounds. */
export const SHARED_PATH_BYTES_MAX = 98;

/** Until a command gives up on a platform that does not answer, unless it says otherwise. */
export const COMMAND_TIMEOUT_S = 30;

/** A file is not sent while the program that has the account is stopped; within a minute a person has found it, or wants to be told. */
export const SILENCE_MS_MAX = 60_000;

/** What was missed comes in right after the connection; when nothing has come for so long, it was all. */
export const QUIET_MS = 700;

/** Of a history, read at once. */
export const HISTORY_PAGE = 200;

/** Hits that a search shows: more words make them fewer. */
export const SEARCH_HITS_MAX = 100;

/** Letters of a message that an answer quotes. */
export const QUOTE_LENGTH = 60;

/** A message on standard input, in bytes: what is longer is refused in any case, so it is not read to the end. */
export const INPUT_BYTES_MAX = 256 * 1024;

/** The smallest window that a chat fits into; below it the window is asked to be larger. */
export const COLUMNS_MIN = 24;
export const ROWS_MIN = 6;

/** From so many columns on, conversations are shown beside the chat. */
export const TWO_PANES_COLUMNS = 64;

/** Width of the conversations beside a chat. */
export const PANE_COLUMNS = 26;
