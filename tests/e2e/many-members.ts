/** Accounts by the dozen, for groups of real people's size: all have published their keys, and nobody is there. */
import { randomBytes } from 'node:crypto';
import { type Client, createClient, openMemoryStore } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';

export type User = Parameters<Client['openDirect']>[0];

const PASSWORD = 'Correct-Horse-7';

/** Whoever enters makes keys, and waits for the key log: more than one at a time, and not all. */
const ENTER_AT_ONCE = 8;

/** Registers so many accounts, each with so many devices, and disconnects them. */
export async function enterMembers(
  url: string,
  { count, devicesEach }: { readonly count: number; readonly devicesEach: number },
): Promise<User[]> {
  const users: User[] = [];
  let left = count;
  const entering = Array.from({ length: ENTER_AT_ONCE }, async () => {
    while (left > 0) {
      left -= 1;
      users.push(await enterMember(url, devicesEach));
    }
  });
  await Promise.all(entering);
  return users;
}

async function enterMember(url: string, devices: number): Promise<User> {
  const first = open(url);
  try {
    const user = await register(first);
    for (let number = 1; number < devices; number++) await linkAnother(url, first);
    return user;
  } finally {
    await first.close();
  }
}

async function linkAnother(url: string, first: Client): Promise<void> {
  const other = open(url);
  try {
    const { code, completed } = await other.beginLink();
    await Promise.all([first.completeLink(code), completed]);
    await other.connect();
  } finally {
    await other.close();
  }
}

/** Makes an account under a name of its own, and connects. */
export async function register(client: Client): Promise<User> {
  const username = `member${randomBytes(6).toString('hex')}`;
  const { user } = await client.register({ username, password: PASSWORD });
  await client.connect();
  return user;
}

function open(url: string): Client {
  return createClient({ url, store: openMemoryStore(), provider: nodeProvider });
}
