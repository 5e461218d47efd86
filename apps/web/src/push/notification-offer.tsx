/** Asks once whether somebody wants to be told of messages: when there is a conversation that one could miss. */
import { useClient, useConversations } from '@sotto/hooks';
import { useEffect, useState } from 'react';
import { Banner, Button, useToast } from '../design/index.ts';
import { explain } from '../shell/explain.ts';
import { enableNotifications, notificationState, renewNotifications } from './notifications.ts';

/** Set in this browser once the question was answered, either way. */
const ANSWERED = 'sotto/notifications-answered';

/** The question, as a banner; nothing where it was answered, or cannot be asked. */
export function NotificationOffer() {
  const client = useClient();
  const toast = useToast();
  const [isOpen, setOpen] = useState(false);
  const hasTalked = useConversations()?.some(({ newest }) => newest !== undefined) ?? false;
  useEffect(() => {
    // Nobody waits for it, and it is done again at the next start.
    renewNotifications(client).catch(() => undefined);
  }, [client]);
  useEffect(() => {
    if (!hasTalked || localStorage.getItem(ANSWERED) !== null) return;
    notificationState(client).then(
      (state) => setOpen(state === 'off'),
      () => undefined,
    );
  }, [client, hasTalked]);
  if (!isOpen) return null;
  const answer = () => {
    localStorage.setItem(ANSWERED, 'yes');
    setOpen(false);
  };
  const accept = () => {
    answer();
    enableNotifications(client).then(
      (state) => state === 'on' && toast('You will be told when something comes.'),
      (error: unknown) => toast(explain(error), 'danger'),
    );
  };
  return (
    <Banner
      tone="info"
      action={
        <>
          <Button onClick={accept}>Turn on</Button>
          <Button tone="quiet" onClick={answer}>
            Not now
          </Button>
        </>
      }
    >
      Be told of new messages while Sotto is closed?
    </Banner>
  );
}
