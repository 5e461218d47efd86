import { expect, test } from 'vitest';
import { savedName } from './saved-name.ts';

test('a name leads into no other folder, hides nothing and shows what it is', () => {
  expect(savedName('../../.profile')).toBe('_.._.profile');
  expect(savedName('.bashrc')).toBe('bashrc');
  expect(savedName('-rf')).toBe('rf');
  expect(savedName('-con')).toBe('_con');
  expect(savedName('C:\\x\\y.txt')).toBe('C__x_y.txt');
  expect(savedName('photo\u202egnp.exe')).toBe('photo_gnp.exe');
  expect(savedName('a\u0000b\n.txt')).toBe('a_b_.txt');
  expect(savedName(' .. ')).toBe('file');
  expect(savedName('Ça va.pdf')).toBe('Ça va.pdf');
  expect(savedName(`${'x'.repeat(300)}.pdf`)).toMatch(/^x{196}\.pdf$/);
  expect(savedName(`hidden${'.'.repeat(190)}bashrc.txt`)).toBe('bashrc.txt');
  expect(savedName(`${'字'.repeat(100)}.pdf`)).toMatch(/^字{65}\.pdf$/);
  expect(savedName('CON.txt')).toBe('_CON.txt');
  expect(savedName('console.txt')).toBe('console.txt');
});
