/** What the page says while this device is not connected, and what can be done about it. */
import { useClient, useConnection } from '@sotto/hooks';
import { useState } from 'react';
import { Banner, Button, useToast } from '../design/index.ts';
import { codeOf, explain } from './explain.ts';
import { PasswordDialog } from './password-dialog.tsx';
import { useLate } from './use-late.ts';

/** A change of networks takes less, and is nobody's business. */
const WORTH_A_WORD_MS = 2_500;

/** Told elsewhere on the page, with more to do about it. */
const TOLD_ELSEWHERE: ReadonlySet<string | undefined> = new Set([
  'account.compromised',
  'key-log.broken',
]);

/** A banner while there is no connection; nothing otherwise. */
export function ConnectionNotice() {
  const { status, retryAt, error } = useConnection();
  // The first attempt of all says nothing either: it may be making keys.
  const isCut = status === 'offline' || (status === 'connecting' && retryAt !== undefined);
  const isLate = useLate(isCut, WORTH_A_WORD_MS);
  if (!isCut || !isLate) return null;
  if (status === 'connecting' || error === undefined) return <Waiting />;
  return TOLD_ELSEWHERE.has(codeOf(error)) ? null : <Stopped error={error} />;
}

function Waiting() {
  return (
    <Banner tone="info">
      No connection. Your messages are here to read, and what you write is sent once it is back.
    </Banner>
  );
}

/** It does not come back by itself. */
function Stopped({ error }: { error: unknown }) {
  const client = useClient();
  const toast = useToast();
  const [isAsking, setAsking] = useState(false);
  const connect = () => {
    client.connect().catch((failure: unknown) => toast(explain(failure), 'danger'));
  };
  if (codeOf(error) === 'auth.fresh-needed') {
    return (
      <>
        <Banner
          tone="warning"
          action={<Button onClick={() => setAsking(true)}>Enter password</Button>}
        >
          This browser makes new keys for your account, which takes your password once more.
        </Banner>
        {isAsking && <PasswordDialog onDone={connect} onClose={() => setAsking(false)} />}
      </>
    );
  }
  const isOutdated = codeOf(error) === 'connection.refused';
  return (
    <Banner
      tone="warning"
      action={
        isOutdated ? (
          <Button onClick={() => location.reload()}>Reload</Button>
        ) : (
          <Button onClick={connect}>Connect again</Button>
        )
      }
    >
      {explain(error)}
    </Banner>
  );
}
