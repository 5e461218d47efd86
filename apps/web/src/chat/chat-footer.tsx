/** The end of a chat: where to write, or why one cannot. */
import type { ReactNode } from 'react';
import { UploadList } from '../files/upload-list.tsx';
import { useChat } from './chat-context.ts';
import styles from './chat-footer.module.css';
import { RequestBar } from './request-bar.tsx';
import type { Place } from './use-place.ts';

export interface ChatFooterProps {
  place: Place;
  /** Of the conversation. */
  name: string;
  onAccepted: () => void;
  /** The composer, for who may write. */
  children: ReactNode;
}

const WORDS: Readonly<Partial<Record<Place, string>>> = {
  out: 'You are no longer in this group.',
  unknown: 'You can write once the server has said whether this is a request.',
};

/** What is being sent, and below it what the place asks for. */
export function ChatFooter({ place, name, onAccepted, children }: ChatFooterProps) {
  const words = WORDS[place];
  return (
    <footer>
      <UploadList conversation={useChat().view.id} />
      {words !== undefined && <p className={styles.words}>{words}</p>}
      {place === 'request' && <RequestBar name={name} onAccepted={onAccepted} />}
      {place === 'open' && children}
    </footer>
  );
}
