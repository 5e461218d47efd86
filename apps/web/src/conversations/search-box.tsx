/** Where somebody looks for a conversation. */
import { Search, X } from 'lucide-react';
import { type KeyboardEvent, type RefObject, useEffect } from 'react';
import { IconButton } from '../design/index.ts';
import styles from './search-box.module.css';

export interface SearchBoxProps {
  input: RefObject<HTMLInputElement | null>;
  query: string;
  onQuery: (query: string) => void;
  /** Enter opens the first that was found. */
  onEnter: () => void;
}

/** Ctrl+K or ⌘K leads here from anywhere. */
export function SearchBox({ input, query, onQuery, onEnter }: SearchBoxProps) {
  useEffect(() => {
    const listen = (event: globalThis.KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      input.current?.focus();
      input.current?.select();
    };
    addEventListener('keydown', listen);
    return () => removeEventListener('keydown', listen);
  }, [input]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onQuery('');
    if (event.key === 'Enter') onEnter();
  };
  return (
    <search className={styles.search}>
      <Search className={styles.icon} size={16} aria-hidden />
      <input
        ref={input}
        className={styles.input}
        type="search"
        aria-label="Search conversations"
        aria-keyshortcuts="Control+K Meta+K"
        placeholder="Search"
        dir="auto"
        value={query}
        onChange={(event) => onQuery(event.target.value)}
        onKeyDown={onKeyDown}
      />
      {query !== '' && (
        <IconButton
          className={styles.clear}
          label="Clear the search"
          icon={X}
          onClick={() => {
            onQuery('');
            input.current?.focus();
          }}
        />
      )}
    </search>
  );
}
