/** The switch for notifications, and what stands in their way. */
import { useClient } from '@sotto/hooks';
import { useEffect, useMemo, useState } from 'react';
import { Spinner, Switch, useToast } from '../design/index.ts';
import { codeOf, explain } from '../shell/explain.ts';
import { useMe } from '../shell/me.ts';
import {
  disableNotifications,
  enableNotifications,
  type NotificationState,
  notificationState,
} from './notifications.ts';

const HINTS: Readonly<Record<NotificationState, string>> = {
  on: 'When something comes while you look elsewhere, this device tells you that it did, and nothing of what.',
  off: 'Be told when something comes while you look elsewhere. The notification says nothing of what.',
  denied: 'Your browser does not let this page notify you. Allow it in the settings of the site.',
  absent: 'This server sends no notifications.',
  unsupported: 'This browser cannot, or only once Sotto is installed on the home screen.',
};

/** On or off; asks the browser when it is turned on. */
export function NotificationSwitch() {
  const client = useClient();
  const me = useMe();
  const woken = useMemo(() => ({ client, me }), [client, me]);
  const toast = useToast();
  const [state, setState] = useState<NotificationState>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    // Without a connection it is not known whether the platform would; turning it on tells.
    notificationState(woken).then(setState, () => setState('off'));
  }, [woken]);
  if (state === undefined) return <Spinner label="Asking the browser" />;
  const change = (isWanted: boolean) => {
    setBusy(true);
    (isWanted ? enableNotifications(woken) : disableNotifications(woken))
      .then(setState)
      .catch((error: unknown) => toast(wordsOf(error), 'danger'))
      .finally(() => setBusy(false));
  };
  return (
    <Switch
      label="Notifications"
      hint={HINTS[state]}
      checked={state === 'on'}
      disabled={isBusy || (state !== 'on' && state !== 'off')}
      onChange={change}
    />
  );
}

/** What the browser's own push service says is meant for developers. */
function wordsOf(error: unknown): string {
  return codeOf(error) === undefined || error instanceof DOMException
    ? 'The notification service of this browser does not answer. Try again later.'
    : explain(error);
}
