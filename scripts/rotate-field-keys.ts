/** `npm run rotate-field-keys`: the command of the same name of `npm run admin`. */
process.argv.splice(2, Infinity, 'rotate-field-keys', ...process.argv.slice(2));
await import('./admin.ts');
