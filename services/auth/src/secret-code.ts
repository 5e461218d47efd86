/**
 * Codes that the platform makes and people carry: invitations and recovery codes.
 *
 * They are random and long, so a plain digest keeps them: nobody searches through 2^128 codes, and a slow hash would
 * only take places in the queue that passwords need. A password is neither random nor long, hence Argon2id there.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** What a code is for; a code for one is none for the other. */
export type CodePurpose = 'invite' | 'recovery';

/** Crockford's: no I, L, O or U, which are misread or make words. 32 letters, so a byte's low five bits choose one. */
const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** 28 letters of 5 bits are 140 bits. */
const CODE_LETTERS = 28;
const GROUP_LETTERS = 4;

/** A new code, in groups of four: `7K2M-…`. */
export function makeCode(): string {
  const letters = [...randomBytes(CODE_LETTERS)].map((byte) => LETTERS[byte & 31]).join('');
  return (letters.match(new RegExp(`.{${GROUP_LETTERS}}`, 'g')) ?? []).join('-');
}

/** What is kept of a code. Case, dashes and blanks do not count, nor which of two look-alikes was typed. */
export function codeDigest(purpose: CodePurpose, code: string): Buffer {
  const read = code.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  return createHash('sha256').update(`sotto/v1/${purpose}-code\0${read}`).digest();
}

/** Whether a code is the one that a digest was kept of; takes the same time for every answer, without a digest too. */
export function isCode(purpose: CodePurpose, code: string, kept: Uint8Array | null): boolean {
  const given = codeDigest(purpose, code);
  return timingSafeEqual(given, kept ?? Buffer.alloc(given.length)) && kept !== null;
}
