/** Every bound of what goes between those who share a client, with what breaks if it is raised. */

/** Calls of one page, tab or process that are answered at once, of which each observable and all events are one. */
export const CALLS_RUNNING_MAX = 4_096;

/** Opened files, streams and listeners that one side of a line has of the other. */
export const REFERENCES_MAX = 4_096;

/** Events that are told over a line at once. */
export const EVENTS_TOLD_MAX = 100;

/** Tabs or processes that follow one client. More is a program that forgets to close what it opens. */
export const FOLLOWERS_MAX = 32;

/** What is told over a socket at once: a file of the greatest size in memory, and what says where it goes. */
export const LINE_FRAME_BYTES_MAX = 128 * 1024 * 1024;

/** What waits to be read by another process before it is taken for one that hangs. */
export const LINE_WAITING_BYTES_MAX = 2 * LINE_FRAME_BYTES_MAX;

/** Between two looks at whether whoever runs the client still answers. Less, and machines that have nothing to do wake for it. */
export const PULSE_MS = 2_500;

/**
 * Looks without an answer before they count as silent: 10 seconds, twice what Argon2id takes on the slowest machine that was
 * measured, and nothing else holds one up for longer. More, and people wait for what does not come; less, and a busy
 * machine is taken for one that was stopped.
 */
export const PULSES_MISSED_MAX = 4;

/** As long may nobody answer, between one who runs the client and the next. */
export const NOBODY_MS_MAX = PULSE_MS * PULSES_MISSED_MAX;

/** A tab that has the store answers within this, unless the browser has stopped it: then it is asked again. */
export const MEETING_ANSWER_MS = 1_000;

/** Before a store that somebody has, who does not answer, is asked for again. */
export const MEETING_PAUSE_MS = 100;

/** Whoever has a store, and shares it, has let others in by then, Argon2id on a slow machine included. */
export const MEETING_OPEN_MS_MAX = 30_000;

/** A backup that another process restores is held in memory. */
export const LINE_BACKUP_BYTES_MAX = 1024 * 1024 * 1024;
