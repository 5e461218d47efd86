/** What others see of this account: a name and a picture, encrypted for those who know it. */
import { useClient, useProfile, useUsername } from '@sotto/hooks';
import { type FormEvent, useRef, useState } from 'react';
import {
  Actions,
  Button,
  Failure,
  Section,
  TextField,
  useCopy,
  useToast,
} from '../design/index.ts';
import { PersonAvatar } from '../people/person-avatar.tsx';
import { useMe } from '../shell/me.ts';
import { useTask } from '../shell/use-task.ts';
import { PictureDialog } from './picture-dialog.tsx';
import styles from './profile-page.module.css';

const NAME_LENGTH_MAX = 64;

/** The page of the own profile. */
export function ProfilePage() {
  return (
    <>
      <PictureSection />
      <NameSection />
      <UsernameSection />
    </>
  );
}

function PictureSection() {
  const client = useClient();
  const { user, username } = useMe();
  const profile = useProfile(user);
  const input = useRef<HTMLInputElement>(null);
  const [file, setFile] = useState<File>();
  const task = useTask();
  return (
    <Section
      title="Picture"
      hint="People whom you have written to or accepted see it. The server does not."
    >
      <div className={styles.picture}>
        <PersonAvatar user={user} name={profile?.name ?? username} size="huge" />
        <Actions>
          <Button onClick={() => input.current?.click()}>Choose a picture</Button>
          {profile?.hasPicture === true && (
            <Button
              busy={task.isBusy}
              onClick={() => void task.run(() => client.people.setProfile({ picture: null }))}
            >
              Remove
            </Button>
          )}
        </Actions>
        <input
          ref={input}
          type="file"
          accept="image/*"
          aria-label="Picture file"
          hidden
          onChange={({ target }) => {
            setFile(target.files?.[0]);
            target.value = '';
          }}
        />
      </div>
      <Failure error={task.error} />
      {file !== undefined && <PictureDialog file={file} onClose={() => setFile(undefined)} />}
    </Section>
  );
}

function NameSection() {
  const client = useClient();
  const toast = useToast();
  const shown = useProfile(useMe().user)?.name ?? '';
  const [written, setWritten] = useState<string>();
  const task = useTask();
  const name = written ?? shown;
  const save = async (event: FormEvent) => {
    event.preventDefault();
    const given = name.trim();
    const isSaved = await task.run(() =>
      client.people.setProfile({ name: given === '' ? null : given }),
    );
    if (!isSaved) return;
    setWritten(undefined);
    toast('Your name is saved');
  };
  return (
    <Section title="Name" hint="Anything you like to be called. Anybody may choose the same one.">
      <form className={styles.form} onSubmit={(event) => void save(event)}>
        <TextField
          label="Name that others see"
          dir="auto"
          autoComplete="name"
          maxLength={NAME_LENGTH_MAX}
          value={name}
          error={task.error}
          onChange={({ target }) => setWritten(target.value)}
        />
        <Actions>
          <Button type="submit" busy={task.isBusy} disabled={name.trim() === shown}>
            Save name
          </Button>
        </Actions>
      </form>
    </Section>
  );
}

function UsernameSection() {
  const { user, username } = useMe();
  const known = useUsername(user) ?? username;
  const copy = useCopy();
  return (
    <Section
      title="Username"
      hint="Give it to people who want to write to you. It is yours alone and does not change."
    >
      <div className={styles.username}>
        <strong>@{known}</strong>
        <Button onClick={() => copy(known, 'Username copied')}>Copy</Button>
      </div>
    </Section>
  );
}
