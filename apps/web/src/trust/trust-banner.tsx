/** What a chat has to say about whom to believe, at its top: one sentence, and one thing to do about it. */
import {
  type ConversationId,
  type DeviceNotice,
  deviceNoticeOf,
  type UserId,
  useAlarms,
  useClient,
  useConversations,
  useNames,
} from '@sotto/hooks';
import { useState } from 'react';
import { Banner, Button, FormDialog, useToast } from '../design/index.ts';
import { useMe } from '../shell/me.ts';
import { navigate } from '../shell/route.ts';
import { useTask } from '../shell/use-task.ts';
import { NoticeBanner } from './notice-banner.tsx';

const NOBODY: readonly UserId[] = [];

/** The banners of a conversation; nothing when all is well. */
export function TrustBanner({ conversation }: { conversation: ConversationId }) {
  const { view } = useAlarms();
  const me = useMe().user;
  const shown = useConversations()?.find(({ id }) => id === conversation);
  const others = shown?.members.filter((user) => user !== me) ?? NOBODY;
  const nameOf = useNames(others);
  return (
    <>
      {view.brokenGroups.includes(conversation) && <BrokenGroup conversation={conversation} />}
      {others.map((user) => {
        const name = nameOf(user);
        if (view.identityChanged.includes(user)) {
          return <NumberChanged key={user} user={user} name={name} />;
        }
        if (view.logBroken.includes(user)) {
          return <KeysDisputed key={user} user={user} name={name} />;
        }
        const notice = deviceNoticeOf(view, user);
        return notice && <DevicesDoubtful key={user} name={name} notice={notice} />;
      })}
    </>
  );
}

interface PersonProps {
  user: UserId;
  name: string;
}

function NumberChanged({ user, name }: PersonProps) {
  return (
    <Banner tone="warning" action={<CompareButton user={user} />}>
      Your safety number with <strong dir="auto">{name}</strong> has changed. They may have a new
      phone, or somebody may pretend to be them. Messages wait until you decide.
    </Banner>
  );
}

function KeysDisputed({ user, name }: PersonProps) {
  return (
    <Banner tone="danger" action={<CompareButton user={user} />}>
      The server contradicts itself about the keys of <strong dir="auto">{name}</strong>. Nothing is
      sent to them until you have compared safety numbers.
    </Banner>
  );
}

function CompareButton({ user }: { user: UserId }) {
  return <Button onClick={() => navigate({ name: 'safety', user })}>Compare</Button>;
}

const LIST_WORDS: Readonly<Record<DeviceNotice['warning'], string>> = {
  stale: 'has not confirmed their devices for long. A newer list may be held back from you.',
  ahead: 'has a device whose clock is wrong, so their list of devices comes from the future.',
  refused: 'is said to have a device that they have not signed. Nothing is sent to it.',
};

function DevicesDoubtful({ name, notice }: { name: string; notice: DeviceNotice }) {
  const { warning } = notice;
  return (
    <NoticeBanner notice={notice} tone={warning === 'refused' ? 'danger' : 'info'}>
      <strong dir="auto">{name}</strong> {LIST_WORDS[warning]}
    </NoticeBanner>
  );
}

function BrokenGroup({ conversation }: { conversation: ConversationId }) {
  const client = useClient();
  const { book } = useAlarms();
  const toast = useToast();
  const task = useTask();
  const [isAsking, setAsking] = useState(false);
  const accept = async () => {
    const isDone = await task.run(async () => {
      await client.groups.acceptLog(conversation);
      await book.refresh();
    });
    if (!isDone) return;
    setAsking(false);
    toast('The group goes on as it is shown now');
  };
  return (
    <>
      <Banner tone="danger" action={<Button onClick={() => setAsking(true)}>Decide</Button>}>
        What the server says about who is in this group does not fit what was seen before. Nothing
        is sent here until you decide.
      </Banner>
      {isAsking && (
        <FormDialog
          title="Is this still your group?"
          submit="Take it as it is now"
          cancel="Not yet"
          tone="danger"
          isBusy={task.isBusy}
          error={task.error}
          onSubmit={() => void accept()}
          onClose={() => setAsking(false)}
        >
          <p>
            Ask the others by another way, such as a call, who is in the group. If that is what you
            see here, go on. If it is not, somebody may have been put in unseen.
          </p>
        </FormDialog>
      )}
    </>
  );
}
