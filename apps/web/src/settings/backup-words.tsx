/** The 24 words of a recovery key: made in the page, shown once, and asked for before they count as written down. */
import { useEffect, useMemo, useState } from 'react';
import { Button, Dialog, Failure, Spinner, TextField } from '../design/index.ts';
import { explain } from '../shell/explain.ts';
import styles from './backup-words.module.css';

/** How many of them are asked for. */
const ASKED = 3;

/** Makes words, shows them, and asks for some of them. */
export function MakeWordsDialog({ onClose }: { onClose: () => void }) {
  const { words, error } = useNewWords();
  const [isAsking, setAsking] = useState(false);
  if (words !== undefined && isAsking) {
    return <AskWords words={words} onBack={() => setAsking(false)} onClose={onClose} />;
  }
  return (
    <Dialog
      title="Write these words down"
      onClose={onClose}
      actions={
        <Button tone="primary" disabled={words === undefined} onClick={() => setAsking(true)}>
          I have written them down
        </Button>
      }
    >
      <p>In this order, on paper. Whoever has them and a backup can read everything in it.</p>
      <Failure error={error} />
      {words === undefined && error === undefined && <Spinner label="Making your words" />}
      {words !== undefined && (
        <ol className={styles.words} dir="ltr" aria-label="Your 24 words">
          {words.map((word, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a word's place is what it is known by
            <li key={at}>{word}</li>
          ))}
        </ol>
      )}
    </Dialog>
  );
}

interface AskWordsProps {
  words: readonly string[];
  onBack: () => void;
  onClose: () => void;
}

function AskWords({ words, onBack, onClose }: AskWordsProps) {
  const places = useMemo(() => pickPlaces(words.length), [words]);
  const [given, setGiven] = useState<readonly string[]>(() => places.map(() => ''));
  const [isWrong, setWrong] = useState(false);
  const check = () => {
    const isRight = places.every((place, at) => given[at]?.trim().toLowerCase() === words[place]);
    if (isRight) onClose();
    else setWrong(true);
  };
  return (
    <Dialog
      title="Look at your paper"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onBack}>Show the words again</Button>
          <Button tone="primary" onClick={check}>
            Done
          </Button>
        </>
      }
    >
      {places.map((place, at) => (
        <TextField
          key={place}
          label={`Word ${place + 1}`}
          dir="ltr"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          value={given[at] ?? ''}
          onChange={({ target }) => {
            setWrong(false);
            setGiven(given.with(at, target.value));
          }}
        />
      ))}
      <Failure error={isWrong ? 'That is not what was shown. Look again.' : undefined} />
    </Dialog>
  );
}

/** Some places, in their order. */
function pickPlaces(count: number): readonly number[] {
  const places = new Set<number>();
  while (places.size < ASKED) places.add(Math.floor(Math.random() * count));
  return [...places].sort((one, other) => one - other);
}

/** The list of words is fetched when it is first needed. */
function useNewWords(): { words?: readonly string[]; error?: string } {
  const [state, setState] = useState<{ words?: readonly string[]; error?: string }>({});
  useEffect(() => {
    let isCurrent = true;
    import('@sotto/client/backup').then(
      ({ makeRecoveryKey }) => isCurrent && setState({ words: makeRecoveryKey().split(' ') }),
      (failure: unknown) => isCurrent && setState({ error: explain(failure) }),
    );
    return () => {
      isCurrent = false;
    };
  }, []);
  return state;
}
