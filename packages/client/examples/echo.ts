/** A bot that answers everyone with their own words: `node packages/client/examples/echo.ts [URL]`. */
import { ClientError, createClient } from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';

const bot = createClient({
  url: process.argv[2] ?? 'http://localhost:8080',
  store: openSqliteStore('echo-bot.sqlite'), // its keys and messages; keep this file
  provider: nodeProvider,
});
const account = { username: 'EchoBot', password: 'a rather long passphrase' };
if ((await bot.me()) === undefined) await bot.register(account);
await bot.connect().catch(async (error) => {
  if (!(error instanceof ClientError && error.code === 'account.logged-out')) throw error;
  await bot.login(account); // Its session was ended, from another device or by the operator.
  await bot.connect();
});

for await (const message of bot.messages()) {
  if (message.own || message.content.type !== 'text') continue;
  await bot.sendText(message.conversation, message.content.text);
}
