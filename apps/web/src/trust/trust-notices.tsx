/** What concerns the whole account, above everything else on the page. */
import { type AccountNotice, accountNotices, useAlarms, useClient } from '@sotto/hooks';
import { useState } from 'react';
import { Banner, Button, FormDialog, useToast } from '../design/index.ts';
import { PasswordField } from '../entrance/password-field.tsx';
import { useMe } from '../shell/me.ts';
import { useTask } from '../shell/use-task.ts';
import { NoticeBanner } from './notice-banner.tsx';

/** The banners of the account; nothing when all is well. */
export function TrustNotices() {
  const { view } = useAlarms();
  return (
    <>
      {view.general === 'account.compromised' && <Compromised />}
      {view.general === 'key-log.broken' && <LogBroken />}
      {accountNotices(view).map((notice) => (
        <NoticeBanner key={notice.kind} notice={notice} tone="info">
          {wordsOf(notice)}
        </NoticeBanner>
      ))}
    </>
  );
}

function wordsOf(notice: AccountNotice): string {
  switch (notice.kind) {
    case 'store-behind':
      return 'This browser’s copy of your messages is an old one, or there is a second copy of it somewhere. New keys were made; close any other copy.';
    case 'history-lost':
      return 'This device is linked, but the history that was to come with it did not arrive. Your other device still has it.';
    case 'key-log-restored': {
      const day = new Date(notice.time).toLocaleDateString(undefined, { dateStyle: 'long' });
      return `The operator says that the server was restored from a backup on ${day}. To be sure of somebody, compare safety numbers.`;
    }
  }
}

function Compromised() {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Banner tone="danger" action={<Button onClick={() => setOpen(true)}>What to do</Button>}>
        Somebody else has made keys for your account, or you have logged in elsewhere without
        linking. Nothing is sent from here.
      </Banner>
      {isOpen && <TakeBackDialog onClose={() => setOpen(false)} />}
    </>
  );
}

/** Takes the account back, with the password, which the platform wants to be fresh. */
function TakeBackDialog({ onClose }: { onClose: () => void }) {
  const client = useClient();
  const { username } = useMe();
  const { book } = useAlarms();
  const toast = useToast();
  const task = useTask();
  const [password, setPassword] = useState('');
  const takeBack = async () => {
    const isDone = await task.run(async () => {
      await client.login({ username, password });
      await client.renewIdentity();
      await book.refresh();
    });
    if (!isDone) return;
    toast('Your account has a new identity. Change your password, too.');
    onClose();
  };
  return (
    <FormDialog
      title="Your account has another identity"
      submit="Take it back"
      tone="danger"
      isBusy={task.isBusy}
      isReady={password !== ''}
      onSubmit={() => void takeBack()}
      onClose={onClose}
    >
      <p>
        <strong>If it was you</strong>, on a new device: open Settings, Devices there, and link this
        browser with its code. Nothing else is needed.
      </p>
      <p>
        <strong>If it was not you</strong>, take the account back. The others’ keys end, your other
        devices have to be linked again, and the people you talk with are warned. Then change your
        password.
      </p>
      <PasswordField
        label="Your password"
        kind="current"
        value={password}
        onChange={setPassword}
        error={task.error}
      />
    </FormDialog>
  );
}

function LogBroken() {
  const client = useClient();
  const { book } = useAlarms();
  const task = useTask();
  const [isOpen, setOpen] = useState(false);
  const close = () => setOpen(false);
  const accept = async () => {
    const isDone = await task.run(async () => {
      await client.acceptKeyLog();
      await book.refresh();
    });
    if (isDone) close();
  };
  return (
    <>
      <Banner tone="danger" action={<Button onClick={() => setOpen(true)}>What to do</Button>}>
        The server’s record of everybody’s keys is not the one from before. Nothing is sent until
        you decide.
      </Banner>
      {isOpen && (
        <FormDialog
          title="The record of keys has changed"
          submit="Take the new record"
          cancel="Not yet"
          tone="danger"
          isBusy={task.isBusy}
          error={task.error}
          onSubmit={() => void accept()}
          onClose={close}
        >
          <p>
            Ask the operator of this server by another way, such as a call, why it is another one. A
            server that was set up anew is a good reason. If there is none, somebody may be putting
            false keys in: do not go on.
          </p>
        </FormDialog>
      )}
    </>
  );
}
