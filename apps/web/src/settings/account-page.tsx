/** The account itself: its password, the way back into it, its data, and its end. */
import { useClient } from '@sotto/hooks';
import { useState } from 'react';
import { Actions, Button, Failure, Section, useToast } from '../design/index.ts';
import { useTask } from '../shell/use-task.ts';
import {
  ChangePasswordDialog,
  DeleteAccountDialog,
  LogOutDialog,
  RecoveryCodeDialog,
} from './account-dialogs.tsx';
import { dayInName, saveFile } from './save-file.ts';

type Open = 'password' | 'recovery' | 'logout' | 'delete';

/** The page. */
export function AccountPage() {
  const [open, setOpen] = useState<Open>();
  const close = () => setOpen(undefined);
  return (
    <>
      <Section
        title="Password"
        hint="Changing it ends all other sessions: your other devices ask for the new one."
      >
        <Actions>
          <Button onClick={() => setOpen('password')}>Change password</Button>
        </Actions>
      </Section>
      <Section
        title="Recovery code"
        hint="The way back in when the password is forgotten. A new code replaces the old one."
      >
        <Actions>
          <Button onClick={() => setOpen('recovery')}>Make a new code</Button>
        </Actions>
      </Section>
      <ExportSection />
      <Section
        title="Log out"
        hint="Messages and keys stay in this browser, for when you come back."
      >
        <Actions>
          <Button onClick={() => setOpen('logout')}>Log out</Button>
        </Actions>
      </Section>
      <Section
        title="Delete account"
        hint="Your account, your files and what waits for you are removed from the server for ever."
      >
        <Actions>
          <Button tone="danger" onClick={() => setOpen('delete')}>
            Delete account
          </Button>
        </Actions>
      </Section>
      {open === 'password' && <ChangePasswordDialog onClose={close} />}
      {open === 'recovery' && <RecoveryCodeDialog onClose={close} />}
      {open === 'logout' && <LogOutDialog onClose={close} />}
      {open === 'delete' && <DeleteAccountDialog onClose={close} />}
    </>
  );
}

function ExportSection() {
  const client = useClient();
  const toast = useToast();
  const task = useTask();
  const save = async () => {
    const isSaved = await task.run(async () => {
      const text = JSON.stringify(await client.exportData(), null, 2);
      saveFile(new Blob([text], { type: 'application/json' }), `sotto-data-${dayInName()}.json`);
    });
    if (isSaved) toast('Your data is in your downloads');
  };
  return (
    <Section
      title="Your data"
      hint="Everything that the server holds about you, as a file. It cannot hold what you wrote: that it never sees."
    >
      <Actions>
        <Button busy={task.isBusy} onClick={() => void save()}>
          Export my data
        </Button>
      </Actions>
      <Failure error={task.error} />
    </Section>
  );
}
