/** A chat in one page: conversations, messages with their ticks, and where to write. `useObservable` is all the glue. */
import type {
  Client,
  ConversationView,
  Me,
  MessageStatus,
  MessageView,
  Observable,
} from '@sotto/client';
import { type FormEvent, useEffect, useState, useSyncExternalStore } from 'react';

/** The value of an observable, and a new rendering at each change of it. */
function useObservable<T>({ subscribe, get }: Observable<T>): T {
  return useSyncExternalStore(subscribe, get);
}

/** The whole page. */
export function Chat({ client, me: known }: { client: Client; me: Me | undefined }) {
  const [me, setMe] = useState(known);
  const [code, setCode] = useState<string>();
  return (
    <>
      {code && <RecoveryCode code={code} onKept={() => setCode(undefined)} />}
      {me ? (
        <Rooms client={client} me={me} />
      ) : (
        <Entrance client={client} onEnter={setMe} onCode={setCode} />
      )}
    </>
  );
}

/** The only way back when the password is forgotten. */
function RecoveryCode({ code, onKept }: { code: string; onKept: () => void }) {
  return (
    <dialog open>
      <p>Write this recovery code down. It is shown once.</p>
      <code>{code}</code>
      <button type="button" onClick={onKept}>
        I have it
      </button>
    </dialog>
  );
}

interface EntranceProps {
  client: Client;
  onEnter: (me: Me) => void;
  onCode: (recoveryCode: string) => void;
}

function Entrance({ client, onEnter, onCode }: EntranceProps) {
  const [trouble, setTrouble] = useState('');
  const enter = (values: FormData, isNew: boolean) =>
    attempt(setTrouble, async () => {
      const account = {
        username: `${values.get('username')}`,
        password: `${values.get('password')}`,
      };
      const me = isNew ? await register(account) : await client.login(account);
      await client.connect();
      onEnter(me);
    });
  const register = async (account: { username: string; password: string }) => {
    const me = await client.register(account);
    onCode(me.recoveryCode); // before anything else may fail
    await client.people.setProfile({ name: account.username });
    return me;
  };
  return (
    <form
      className="entrance"
      onSubmit={submitted((values, by) => enter(values, by === 'register'))}
    >
      <h1>Chat</h1>
      <input name="username" placeholder="Name" autoComplete="username" required />
      <input
        name="password"
        placeholder="Password"
        type="password"
        autoComplete="current-password"
        required
      />
      <button type="submit" value="login">
        Log in
      </button>
      <button type="submit" value="register">
        Register
      </button>
      <output>{trouble}</output>
    </form>
  );
}

function Rooms({ client, me }: { client: Client; me: Me }) {
  const connection = useObservable(client.state.connection);
  const conversations = useObservable(client.state.conversations) ?? [];
  const [current, setCurrent] = useState<ConversationView['id']>();
  const [trouble, setTrouble] = useState('');
  const open = (values: FormData) =>
    attempt(setTrouble, async () => {
      const found = await client.findUser(`${values.get('username')}`);
      if (found === undefined) throw new Error('nobody has that name');
      setCurrent((await client.openDirect(found.user)).id);
    });
  const shown = conversations.find(({ id }) => id === current);
  return (
    <main>
      <div role="status">
        {connection.status} {trouble}
      </div>
      <nav>
        <form onSubmit={submitted(open)}>
          <input name="username" placeholder="Write to…" required />
        </form>
        {conversations.map((conversation) => (
          <button
            type="button"
            key={conversation.id}
            aria-current={conversation.id === current}
            onClick={() => setCurrent(conversation.id)}
          >
            <Title client={client} me={me} conversation={conversation} />
            {conversation.unread > 0 && <mark>{conversation.unread}</mark>}
            <small>{conversation.newest && textOf(conversation.newest)}</small>
          </button>
        ))}
      </nav>
      {shown && <Room key={shown.id} client={client} me={me} conversation={shown} />}
    </main>
  );
}

interface RoomProps {
  client: Client;
  me: Me;
  conversation: ConversationView;
}

function Title({ client, me, conversation: { title, members } }: RoomProps) {
  const other = members.find((user) => user !== me.user) ?? me.user;
  const profile = useObservable(client.state.profile(other));
  const presence = useObservable(client.state.presence(other));
  return (
    <b>
      {title ?? profile?.name ?? 'Somebody'} {presence?.online && <span title="online">●</span>}
    </b>
  );
}

function Room({ client, me, conversation }: RoomProps) {
  const messages = client.state.messages(conversation.id);
  const lines = useObservable(messages) ?? [];
  const newest = lines.findLast(({ isOwn, reference }) => !isOwn && reference);
  useEffect(() => {
    if (newest) void client.markRead(newest);
  }, [client, newest]);
  const send = async (values: FormData) => {
    await client.sendText(conversation.id, `${values.get('text')}`);
  };
  return (
    <section>
      <header>
        <Title client={client} me={me} conversation={conversation} />
        {conversation.typing.length > 0 && <i>writes …</i>}
        <Request client={client} conversation={conversation.id} />
      </header>
      <div className="lines">
        <ol>
          {lines.map((line) => (
            <Line key={line.reference?.id ?? line.seq} line={line} />
          ))}
        </ol>
        <button type="button" onClick={() => void messages.older()}>
          Older
        </button>
      </div>
      <form onSubmit={submitted(send)}>
        <input name="text" placeholder="Message" autoComplete="off" required />
        <button type="submit">Send</button>
      </form>
    </section>
  );
}

/** Whoever is not known yet waits to be let in: before that, they see neither presence nor ticks. */
function Request({
  client,
  conversation,
}: {
  client: Client;
  conversation: ConversationView['id'];
}) {
  const [isRequest, setIsRequest] = useState(false);
  useEffect(() => {
    const look = async () => {
      const requests = await client.people.requests();
      setIsRequest(requests.some((request) => request.conversation === conversation));
    };
    look().catch(() => {}); // Without a connection there is nothing to accept.
  }, [client, conversation]);
  const accept = async () => {
    await client.people.accept(conversation);
    setIsRequest(false);
  };
  return (
    isRequest && (
      <button type="button" onClick={() => void accept()}>
        Accept
      </button>
    )
  );
}

const TICKS: Readonly<Record<MessageStatus, string>> = {
  waiting: '…',
  stored: '✓',
  delivered: '✓✓',
  read: '✓✓ read',
  failed: '✗ not sent',
  received: '',
};

function Line({ line }: { line: MessageView }) {
  const { isOwn, status, reactions, time } = line;
  return (
    <li className={isOwn ? 'own' : ''}>
      {textOf(line)} {reactions.map(({ emoji, users }) => `${emoji} ${users.length}`).join(' ')}{' '}
      <small title={new Date(time).toLocaleString()}>{TICKS[status]}</small>
    </li>
  );
}

function textOf({ body }: MessageView): string {
  switch (body.type) {
    case 'text':
      return body.isEdited ? `${body.text} (edited)` : body.text;
    case 'file':
      return `📎 ${body.file.name}`;
    case 'deleted':
      return 'taken back';
    case 'timer':
      return body.seconds === null ? 'messages stay' : `messages go after ${body.seconds} s`;
    case 'membership':
      return `members: ${body.change.type}`;
    case 'unreadable':
      return 'waiting for this message';
    case 'unsupported':
      return 'needs a newer version';
  }
}

/** Gives a form's values to `act`, and the button by which they were sent, and empties it. */
function submitted(act: (values: FormData, by: string | undefined) => Promise<void>) {
  return (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const { submitter } = event.nativeEvent as SubmitEvent;
    const by = submitter instanceof HTMLButtonElement ? submitter.value : undefined;
    void act(new FormData(event.currentTarget), by);
    event.currentTarget.reset();
  };
}

async function attempt(show: (trouble: string) => void, act: () => Promise<void>): Promise<void> {
  try {
    show('');
    await act();
  } catch (error) {
    show(error instanceof Error ? error.message : 'that did not work');
  }
}
