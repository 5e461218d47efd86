/** Linking this browser to an account: a code that another device of it reads. */
import type { Link, Me } from '@sotto/client';
import { Copy, RefreshCw } from 'lucide-react';
import { useEffect, useState } from 'react';
import { Banner, Button, QrCode, Spinner, useCopy } from '../design/index.ts';
import { codeOf, explain } from '../shell/explain.ts';
import type { OpenClient } from '../shell/session.ts';
import { FormHeader } from './form.tsx';
import styles from './link-screen.module.css';

export interface LinkScreenProps {
  openClient: OpenClient;
  onLinked: (me: Me) => void;
  onBack: () => void;
}

/** Shows the code until somebody has answered it, and then whose device this has become. */
export function LinkScreen({ openClient, onLinked, onBack }: LinkScreenProps) {
  const { code, me, error, again } = useLink(openClient);
  if (me !== undefined) return <Linked me={me} onGoOn={() => onLinked(me)} />;
  return (
    <div className={styles.screen}>
      <FormHeader
        title="Link this browser"
        about="On your other device open Settings, Devices and sessions, and paste this code under “Link another device”. An app with a camera can scan it."
        onBack={onBack}
      />
      {error === undefined ? (
        <Code code={code} />
      ) : (
        <Banner
          tone="warning"
          action={
            <Button onClick={again}>
              <RefreshCw size={16} aria-hidden />
              New code
            </Button>
          }
        >
          {explain(error)}
        </Banner>
      )}
      <p className={styles.note}>
        Show it to nobody else: whoever reads it can link this browser to an account of theirs.
      </p>
    </div>
  );
}

function Code({ code }: { code: string | undefined }) {
  const copy = useCopy();
  if (code === undefined) {
    return (
      <div className={styles.code}>
        <Spinner label="Making a code" />
      </div>
    );
  }
  return (
    <>
      <div className={styles.code}>
        <QrCode text={code} label="Code for linking this browser" />
      </div>
      <div className={styles.text}>
        <code>{code}</code>
        <Button onClick={() => copy(code, 'Copied')}>
          <Copy size={16} strokeWidth={1.75} aria-hidden />
          Copy code
        </Button>
      </div>
      <p className={styles.waiting} role="status">
        Waiting for your other device…
      </p>
    </>
  );
}

function Linked({ me, onGoOn }: { me: Me; onGoOn: () => void }) {
  return (
    <div className={styles.screen}>
      <FormHeader
        title={`This is ${me.username}’s browser now`}
        about="If that is not your account, somebody else has read the code: do not go on, and clear this site’s data."
      />
      <Button tone="primary" onClick={onGoOn}>
        That is me
      </Button>
    </div>
  );
}

/** An offer to be linked, and what became of it. */
function useLink(openClient: OpenClient) {
  const [link, setLink] = useState<Pick<Link, 'code'>>();
  const [me, setMe] = useState<Me>();
  const [error, setError] = useState<unknown>();
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each attempt makes an offer of its own
  useEffect(() => {
    let isShown = true;
    const follow = async () => {
      const client = await openClient();
      const offer = await client.beginLink();
      if (isShown) setLink(offer);
      const joined = await offer.completed;
      if (isShown) setMe(joined);
    };
    follow().catch((failure: unknown) => {
      if (isShown && codeOf(failure) !== 'client.closed') setError(failure);
    });
    return () => {
      isShown = false;
    };
  }, [openClient, attempt]);
  const again = () => {
    setLink(undefined);
    setError(undefined);
    setAttempt(attempt + 1);
  };
  return { code: link?.code, me, error, again };
}
