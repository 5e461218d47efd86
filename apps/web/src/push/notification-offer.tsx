/** Asks once whether somebody wants to be told of messages: when there is a conversation that one could miss. */
import { useClient, useConversations } from '@sotto/hooks';
import { useEffect, useMemo, useState } from 'react';
import { Banner, Button, useToast } from '../design/index.ts';
import { explain } from '../shell/explain.ts';
import { useMe } from '../shell/me.ts';
import { answerOf, keepAnswer } from './answered.ts';
import { enableNotifications, notificationState, renewNotifications } from './notifications.ts';

/** The question, as a banner; nothing where it was answered, or cannot be asked. */
export function NotificationOffer() {
  const client = useClient();
  const me = useMe();
  const woken = useMemo(() => ({ client, me }), [client, me]);
  const toast = useToast();
  const [isOpen, setOpen] = useState(false);
  const hasTalked = useConversations()?.some(({ newest }) => newest !== undefined) ?? false;
  useEffect(() => {
    // Nobody waits for it, and it is done again at the next start.
    renewNotifications(woken).catch(() => undefined);
  }, [woken]);
  useEffect(() => {
    if (!hasTalked || answerOf(woken.me) !== undefined) return;
    notificationState(woken).then(
      (state) => setOpen(state === 'off'),
      () => undefined,
    );
  }, [woken, hasTalked]);
  if (!isOpen) return null;
  const refuse = () => {
    keepAnswer(me, 'off');
    setOpen(false);
  };
  const accept = () => {
    // Until it is on: whoever changes their mind before the browser is not asked again.
    refuse();
    enableNotifications(woken).then(
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
          <Button tone="quiet" onClick={refuse}>
            Not now
          </Button>
        </>
      }
    >
      Be told of new messages while you look elsewhere?
    </Banner>
  );
}
