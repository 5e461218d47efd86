/** `rotate-field-keys`. */
import { noWords } from '@sotto/runtime';
import { rotateFieldKeys } from '../field-rotation.ts';
import type { Command } from './command.ts';

/** Seals all columns with the first of the field keys. May be broken off and started again. */
export const rotateKeys: Command = async ({ database, audit, fields, terminal }, words) => {
  noWords(words);
  // When it begins: it may be broken off.
  await audit.note(database.query, { action: 'admin.acted', command: 'rotate-field-keys' });
  for (const { column, seen, sealed } of await rotateFieldKeys(database.query, fields)) {
    terminal.out(`${column}: ${sealed} of ${seen} sealed anew`);
  }
  terminal.note(
    'Every column is sealed with the first key: the others may be taken out of FIELD_KEYS.',
  );
};
