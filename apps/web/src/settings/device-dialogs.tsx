/** Renaming a device, taking it off, and giving it up for lost: each says what follows from it. */
import type { OwnDevice } from '@sotto/client';
import { useClient } from '@sotto/hooks';
import { type FormEvent, useId, useState } from 'react';
import { Button, Dialog, TextField, useToast } from '../design/index.ts';
import { useMe } from '../shell/me.ts';
import { nameOfDevice } from './device-name.ts';
import { Failure } from './section.tsx';
import { useTask } from './use-task.ts';
import styles from './words.module.css';

interface DeviceDialogProps {
  device: OwnDevice;
  /** With whether something was changed. */
  onClose: (isChanged: boolean) => void;
}

/** UTF-8, as the sealed name holds it (`renameDevice`). */
const NAME_BYTES_MAX = 127;

/** Gives a device a name that only the account's own devices can read. */
export function RenameDeviceDialog({ device, onClose }: DeviceDialogProps) {
  const client = useClient();
  const task = useTask();
  const form = useId();
  const [name, setName] = useState(device.name ?? '');
  const given = name.trim();
  const isTooLong = new TextEncoder().encode(given).length > NAME_BYTES_MAX;
  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (given === '' || isTooLong) return;
    if (await task.run(() => client.renameDevice(device.device, given))) onClose(true);
  };
  return (
    <Dialog
      title="Rename device"
      onClose={() => onClose(false)}
      actions={
        <>
          <Button onClick={() => onClose(false)}>Cancel</Button>
          <Button
            tone="primary"
            type="submit"
            form={form}
            busy={task.isBusy}
            disabled={given === '' || isTooLong}
          >
            Save
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={(event) => void save(event)}>
        <TextField
          label="Name"
          hint="Only your own devices can read it."
          error={isTooLong ? 'This name is too long.' : task.error}
          dir="auto"
          autoFocus
          value={name}
          onChange={({ target }) => setName(target.value)}
        />
      </form>
    </Dialog>
  );
}

/** Takes a device off the account. */
export function UnlinkDeviceDialog({ device, onClose }: DeviceDialogProps) {
  const client = useClient();
  const toast = useToast();
  const task = useTask();
  const unlink = async () => {
    if (!(await task.run(() => client.unlink(device.device)))) return;
    toast('The device is unlinked');
    onClose(true);
  };
  return (
    <Dialog
      title="Unlink this device?"
      onClose={() => onClose(false)}
      actions={
        <>
          <Button onClick={() => onClose(false)}>Cancel</Button>
          <Button tone="danger" busy={task.isBusy} onClick={() => void unlink()}>
            Unlink
          </Button>
        </>
      }
    >
      <p>
        <strong>
          <bdi>{nameOfDevice(device)}</bdi>
        </strong>{' '}
        is logged out and gets no further messages. What it has received until now stays on it.
      </p>
      <p className={styles.quiet}>
        If somebody else may have it, choose “Lost or stolen” instead: that also makes the keys on
        it worthless.
      </p>
      <Failure error={task.error} />
    </Dialog>
  );
}

/** Gives a device up for lost: the account gets another identity. Takes the password, which whoever has the device lacks. */
export function LostDeviceDialog({ device, onClose }: DeviceDialogProps) {
  const client = useClient();
  const { username } = useMe();
  const toast = useToast();
  const task = useTask();
  const form = useId();
  const [password, setPassword] = useState('');
  const report = async (event: FormEvent) => {
    event.preventDefault();
    const isDone = await task.run(async () => {
      await client.login({ username, password });
      await client.reportLost(device.device);
    });
    if (!isDone) return;
    toast('The device is out, and your account has a new identity');
    onClose(true);
  };
  return (
    <Dialog
      title="Lost or stolen"
      onClose={() => onClose(false)}
      actions={
        <>
          <Button onClick={() => onClose(false)}>Cancel</Button>
          <Button
            tone="danger"
            type="submit"
            form={form}
            busy={task.isBusy}
            disabled={password === ''}
          >
            Make a new identity
          </Button>
        </>
      }
    >
      <p>
        <strong>
          <bdi>{nameOfDevice(device)}</bdi>
        </strong>{' '}
        is taken off, and your account gets a new identity, so that nothing on the device can speak
        for you. This has a price:
      </p>
      <ul className={styles.list}>
        <li>The people you talk with are warned that your safety number has changed.</li>
        <li>Your other devices are logged out of it and have to be linked again.</li>
        <li>Messages that are on the lost device stay readable there.</li>
      </ul>
      <form id={form} onSubmit={(event) => void report(event)}>
        <TextField
          label="Your password"
          type="password"
          autoComplete="current-password"
          value={password}
          error={task.error}
          onChange={({ target }) => setPassword(target.value)}
        />
      </form>
    </Dialog>
  );
}
