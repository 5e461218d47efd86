/** How times are written: 24 hours in five cells, and days in the language of everything else here. */

/** For the labels of `@sotto/hooks`. */
export const LOCALE = 'en-GB';
