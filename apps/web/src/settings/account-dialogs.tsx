/** What asks for the password, or cannot be taken back. */
import { useClient } from '@sotto/hooks';
import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { Button, type ButtonProps, Dialog, TextField, useToast } from '../design/index.ts';
import { passwordNeeds } from '../entrance/credential-rules.ts';
import { PasswordField } from '../entrance/password-field.tsx';
import { useMe } from '../shell/me.ts';
import { useSession } from '../shell/session.ts';
import { Failure } from './section.tsx';
import { type Task, useTask } from './use-task.ts';
import styles from './words.module.css';

interface Closing {
  onClose: () => void;
}

interface FormDialogProps extends Closing {
  title: string;
  /** On the button that goes on. */
  submit: string;
  tone?: ButtonProps['tone'];
  task: Task;
  isReady: boolean;
  onSubmit: () => void;
  children: ReactNode;
}

/** A dialog with fields, and a button that takes them. */
function FormDialog(props: FormDialogProps) {
  const { title, submit, tone = 'primary', task, isReady, onSubmit, onClose, children } = props;
  const form = useId();
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (isReady) onSubmit();
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button tone={tone} type="submit" form={form} busy={task.isBusy} disabled={!isReady}>
            {submit}
          </Button>
        </>
      }
    >
      <form id={form} className={styles.form} onSubmit={send}>
        {children}
        <Failure error={task.error} />
      </form>
    </Dialog>
  );
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
      task={task}
      isReady={currentPassword !== '' && newPassword !== '' && needs === undefined}
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
      task={task}
      isReady={password !== ''}
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
      task={task}
      isReady
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
  return (
    <FormDialog
      title="Delete your account?"
      submit="Delete for ever"
      tone="danger"
      task={task}
      isReady={isMeant && password !== ''}
      onSubmit={() =>
        void task.run(async () => {
          await client.deleteAccount(password);
          await forget();
        })
      }
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
