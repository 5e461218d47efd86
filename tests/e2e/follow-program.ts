/** What the processes of `follow.test.ts` run: a client that they share, which does what the test says. */
import { type Client, ClientError } from '@sotto/client';
import { openSharedClient } from '@sotto/client/shared';

type Conversation = Awaited<ReturnType<Client['conversations']>>[number]['id'];

/** What a process is told to do, by its name. */
export interface Orders {
  /** Registers when nobody has, and connects. */
  enter(username: string): Promise<void>;
  /** Writes one text after the other; tells of each when it is in the store. */
  say(conversation: Conversation, prefix: string, count: number): Promise<void>;
  /** What is on the screen. */
  lines(conversation: Conversation): Promise<string[]>;
  /** Writes one text; gives the code of what was refused. */
  send(conversation: Conversation, text: string): Promise<string>;
  /** What is shown of the connection, and the code of what stands in its way. */
  connection(): Promise<{ status: string; code?: string }>;
  /** Whether whoever runs the client was silent, at each change of it. */
  silences(): Promise<boolean[]>;
  /** How often this process has got other tokens of the platform. */
  renewals(): Promise<number>;
  close(): Promise<void>;
}

/** What a process tells. */
export type Told =
  | { readonly said: string }
  | { readonly order: number; readonly result?: unknown; readonly error?: string };

const [url = '', path = ''] = process.argv.slice(2);
let renewals = 0;
const fetchOfNode = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const answer = await fetchOfNode(input, init);
  // The first one may be refused for want of a nonce.
  if (answer.ok && `${input}`.endsWith('/auth/refresh')) renewals += 1;
  return answer;
};
const client = await openSharedClient({ url, path });
const silences: boolean[] = [];
client.on('silent', ({ isSilent }) => silences.push(isSilent));

const orders: Orders = {
  async enter(username) {
    if (!(await client.me())) await client.register({ username, password: 'Correct-Horse-7' });
    await client.connect();
  },
  async say(conversation, prefix, count) {
    for (let number = 0; number < count; number++) {
      const text = `${prefix} ${number}`;
      await client.sendText(conversation, text);
      tell({ said: text });
    }
  },
  async lines(conversation) {
    const lines = client.state.messages(conversation);
    const { promise, resolve } = Promise.withResolvers<void>();
    const end = lines.subscribe(resolve);
    if (lines.get() === undefined) await promise;
    while ((lines.get()?.length ?? 0) < 500 && (await lines.older()));
    const shown = lines.get() ?? [];
    end();
    return shown.map(({ body }) => (body.type === 'text' ? body.text : body.type));
  },
  async send(conversation, text) {
    try {
      await client.sendText(conversation, text);
      return 'sent';
    } catch (error) {
      return codeOf(error) ?? `${error}`;
    }
  },
  async connection() {
    const { status, error } = client.state.connection.get();
    const code = codeOf(error);
    return { status, ...(code !== undefined && { code }) };
  },
  silences: async () => silences,
  renewals: async () => renewals,
  close: () => client.close(),
};

function codeOf(error: unknown): string | undefined {
  return error instanceof ClientError ? error.code : undefined;
}

interface Order {
  readonly order: number;
  readonly name: keyof Orders;
  readonly args: readonly unknown[];
}

process.on('message', async ({ order, name, args }: Order) => {
  try {
    tell({ order, result: await Reflect.apply(orders[name], orders, args) });
  } catch (error) {
    tell({ order, error: `${error}` });
  }
  if (name === 'close') process.disconnect?.();
});
tell({ order: 0 });

function tell(told: Told): void {
  if (process.connected) process.send?.(told);
}
