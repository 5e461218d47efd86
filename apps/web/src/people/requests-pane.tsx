/** Conversations that strangers have begun, and groups that they have added one to: nothing of them is let in unasked. */
import type { MessageRequest } from '@sotto/client';
import {
  type ConversationId,
  type UserId,
  useClient,
  useConversations,
  useNames,
} from '@sotto/hooks';
import { MailQuestion } from 'lucide-react';
import { useState } from 'react';
import { useRequests } from '../conversations/use-requests.ts';
import {
  Avatar,
  Boundary,
  Button,
  EmptyState,
  Failure,
  Pane,
  PaneColumn,
  useToast,
} from '../design/index.ts';
import { useMe } from '../shell/me.ts';
import { navigate } from '../shell/route.ts';
import { useTask } from '../shell/use-task.ts';
import { BlockAndReport } from './block-and-report.tsx';
import { PersonLine } from './person-line.tsx';
import styles from './requests-pane.module.css';

/** The page of message requests. */
export function RequestsPane() {
  const requests = useRequests();
  return (
    <Pane title="Message requests" onBack={() => navigate({ name: 'conversations' })}>
      {requests.length === 0 ? (
        <EmptyState icon={MailQuestion} title="No requests">
          When somebody new writes to you, they wait here until you let them in.
        </EmptyState>
      ) : (
        <PaneColumn>
          <div className={styles.requests}>
            <p className={styles.hint}>
              They do not learn that you have read anything, nor whether you are there, until you
              accept.
            </p>
            <ul className={styles.list}>
              {requests.map((request) => (
                <li key={request.conversation} className={styles.card}>
                  <Boundary fallback="This request cannot be shown" subject={request}>
                    <Request request={request} />
                  </Boundary>
                </li>
              ))}
            </ul>
          </div>
        </PaneColumn>
      )}
    </Pane>
  );
}

function Request({ request }: { request: MessageRequest }) {
  const { conversation, kind, members } = request;
  const client = useClient();
  const me = useMe().user;
  const toast = useToast();
  const task = useTask();
  const [isBlocking, setBlocking] = useState(false);
  const others = members.filter((user) => user !== me);
  const accept = async () => {
    if (await task.run(() => client.people.accept(conversation))) {
      navigate({ name: 'chat', conversation });
    }
  };
  const leave = async () => {
    if (await task.run(() => client.people.decline(conversation))) toast('You have left the group');
  };
  const [stranger] = others;
  return (
    <>
      {kind === 'group' ? (
        <GroupLine conversation={conversation} others={others} />
      ) : (
        stranger !== undefined && <PersonLine user={stranger} />
      )}
      <FirstWords conversation={conversation} />
      <div className={styles.actions}>
        <Button tone="primary" busy={task.isBusy} onClick={() => void accept()}>
          Accept
        </Button>
        {kind === 'group' ? (
          <Button onClick={() => void leave()}>Leave group</Button>
        ) : (
          <Button onClick={() => setBlocking(true)}>Block or report</Button>
        )}
      </div>
      <Failure error={task.error} />
      {isBlocking && stranger !== undefined && (
        <BlockAndReport
          user={stranger}
          conversation={conversation}
          onClose={() => setBlocking(false)}
        />
      )}
    </>
  );
}

interface GroupLineProps {
  conversation: ConversationId;
  others: readonly UserId[];
}

const NAMED_MAX = 5;

function GroupLine({ conversation, others }: GroupLineProps) {
  const view = useConversations()?.find(({ id }) => id === conversation);
  const shown = others.slice(0, NAMED_MAX);
  const nameOf = useNames(shown);
  const names = shown.map(nameOf).join(', ');
  const more = others.length - shown.length;
  const title = view?.title ?? 'A group';
  return (
    <div className={styles.group}>
      <Avatar name={title} />
      <div className={styles.words}>
        <strong dir="auto">{title}</strong>
        <p className={styles.quiet} dir="auto">
          Group with {names}
          {more > 0 && ` and ${more} more`}
        </p>
      </div>
    </div>
  );
}

/** What they wrote last, where it has come already. */
function FirstWords({ conversation }: { conversation: ConversationId }) {
  const body = useConversations()?.find(({ id }) => id === conversation)?.newest?.body;
  const words = body?.type === 'text' ? body.text : body?.type === 'file' ? 'A file' : undefined;
  if (words === undefined) return null;
  return (
    <blockquote className={styles.quote}>
      <p className={styles.said} dir="auto">
        {words}
      </p>
    </blockquote>
  );
}
