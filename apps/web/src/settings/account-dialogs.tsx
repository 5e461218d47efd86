/** What asks for the password, or cannot be taken back. */
import { useClient } from '@sotto/hooks';
import { useState } from 'react';
import { Button, Dialog, FormDialog, TextField, useToast } from '../design/index.ts';
import { passwordNeeds } from '../entrance/credential-rules.ts';
import { PasswordField } from '../entrance/password-field.tsx';
import { useMe } from '../shell/me.ts';
import { useSession } from '../shell/session.ts';
import { useTask } from '../shell/use-task.ts';
import styles from './words.module.css';

interface Closing {
  onClose: () => void;
}

/** Sets another password. */
export function ChangePasswordDialog({ onClose }: Closing) {
  const client = useClient();
  const toast = useToast();
  const task = useTask();
  const [currentPassword, setCurrent] = useState('');
  const [newPassword, setNew] = useState('');
  const needs = passwordNeeds(newPassword);
  const change = async () => {
    if (!(await task.run(() => client.changePassword({ currentPassword, newPassword })))) return;
    toast('Your password is changed');
    onClose();
  };
  return (
    <FormDialog
      title="Change password"
      submit="Change"
      isBusy={task.isBusy}
      isReady={currentPassword !== '' && newPassword !== '' && needs === undefined}
      error={task.error}
      onSubmit={() => void change()}
      onClose={onClose}
    >
      <PasswordField
        label="Current password"
        kind="current"
        value={currentPassword}
        onChange={setCurrent}
        autoFocus
      />
      <PasswordField
        label="New password"
        kind="new"
        value={newPassword}
        onChange={setNew}
        hint={
          newPassword === ''
            ? '15 characters of anything, or 8 with A, a, 1 and a symbol.'
            : (needs ?? 'Long enough.')
        }
      />
    </FormDialog>
  );
}

/** Makes another recovery code and shows it, this once. */
export function RecoveryCodeDialog({ onClose }: Closing) {
  const client = useClient();
  const task = useTask();
  const [password, setPassword] = useState('');
  const [code, setCode] = useState<string>();
  if (code !== undefined) return <ShownCode code={code} onClose={onClose} />;
  const renew = () => task.run(async () => setCode(await client.renewRecoveryCode(password)));
  return (
    <FormDialog
      title="New recovery code"
      submit="Make code"
      isBusy={task.isBusy}
      isReady={password !== ''}
      error={task.error}
      onSubmit={() => void renew()}
      onClose={onClose}
    >
      <p>The code that you have now stops working.</p>
      <PasswordField
        label="Your password"
        kind="current"
        value={password}
        onChange={setPassword}
        autoFocus
      />
    </FormDialog>
  );
}

function ShownCode({ code, onClose }: Closing & { code: string }) {
  return (
    <Dialog
      title="Your new recovery code"
      onClose={onClose}
      actions={
        <Button tone="primary" onClick={onClose}>
          I have written it down
        </Button>
      }
    >
      <p>Write it down now: it is shown this once, and nobody can tell you again.</p>
      <output className={styles.secret}>{code}</output>
    </Dialog>
  );
}

/** Ends this session. */
export function LogOutDialog({ onClose }: Closing) {
  const client = useClient();
  const task = useTask();
  const logOut = async () => {
    // As long as the session may say so; the browser ends it in any case, when the session has ended.
    await client.unsubscribePush().catch(() => undefined);
    await client.logout();
  };
  return (
    <FormDialog
      title="Log out?"
      submit="Log out"
      isBusy={task.isBusy}
      error={task.error}
      onSubmit={() => void task.run(logOut)}
      onClose={onClose}
    >
      <p>
        Your keys and messages stay in this browser, so that you can go on when you log in again. On
        a computer that is not yours, remove them afterwards, on the page that comes next.
      </p>
    </FormDialog>
  );
}

/** Deletes the account, once its owner has typed its name. */
export function DeleteAccountDialog({ onClose }: Closing) {
  const client = useClient();
  const { forget } = useSession();
  const { username } = useMe();
  const task = useTask();
  const [typed, setTyped] = useState('');
  const [password, setPassword] = useState('');
  const isMeant = typed.trim().toLowerCase() === username.toLowerCase();
  const remove = async () => {
    await client.deleteAccount(password);
    await forget();
  };
  return (
    <FormDialog
      title="Delete your account?"
      submit="Delete for ever"
      tone="danger"
      isBusy={task.isBusy}
      isReady={isMeant && password !== ''}
      error={task.error}
      onSubmit={() => void task.run(remove)}
      onClose={onClose}
    >
      <ul className={styles.list}>
        <li>Your account and its devices are gone at once, everything else within a day.</li>
        <li>You leave all groups. What others have received from you stays with them.</li>
        <li>Nobody can bring it back, neither you nor the operator.</li>
      </ul>
      <TextField
        label={`Type ${username} to go on`}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        value={typed}
        onChange={({ target }) => setTyped(target.value)}
      />
      <PasswordField label="Your password" kind="current" value={password} onChange={setPassword} />
    </FormDialog>
  );
}
