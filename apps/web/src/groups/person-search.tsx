/** Choosing people by name. */
import type { UserId } from '@sotto/hooks';
import { Check } from 'lucide-react';
import { useState } from 'react';
import { useFirstFocus } from '../conversations/use-first-focus.ts';
import { Spinner, TextField } from '../design/index.ts';
import { PersonAvatar } from '../people/person-avatar.tsx';
import { meantPerson } from './meant-person.ts';
import styles from './person-search.module.css';
import { type Candidate, usePeople } from './use-people.ts';

export interface PersonSearchProps {
  label: string;
  error?: string | undefined;
  onChoose: (user: UserId, name: string) => void;
  /** Those who are chosen already; left out where one choice is all. */
  chosen?: ReadonlySet<UserId>;
  /** Whether it has the focus when it appears. */
  isFirst?: boolean;
  /** Those who are not offered. */
  without?: ReadonlySet<UserId>;
}

/** A field for a name, and below it everybody who may be meant. */
export function PersonSearch({
  label,
  error,
  onChoose,
  chosen,
  isFirst = true,
  without,
}: PersonSearchProps) {
  const [query, setQuery] = useState('');
  const first = useFirstFocus<HTMLInputElement>();
  const { people, isLooking, error: trouble } = usePeople(query);
  const offered = people.filter(({ user }) => without?.has(user) !== true);
  const wanted = query.trim();
  return (
    <div className={styles.search}>
      <TextField
        label={label}
        hint="A username, or the name of somebody you know"
        error={error ?? trouble}
        value={query}
        onChange={(event) => setQuery(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || wanted === '') return;
          event.preventDefault();
          // Whoever is meant may still be found: nobody else is taken for them.
          const meant = isLooking ? undefined : meantPerson(wanted, offered);
          if (meant !== undefined) onChoose(meant.user, meant.name);
        }}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        {...(isFirst && { ref: first })}
      />
      <ul className={styles.people} aria-label="People">
        {offered.map((person) => (
          <Person
            key={person.user}
            person={person}
            isChosen={chosen?.has(person.user)}
            onChoose={onChoose}
          />
        ))}
      </ul>
      <p className={styles.says} role="status">
        {isLooking && <Spinner label="Looking" />}
        {!isLooking && wanted !== '' && offered.length === 0 && trouble === undefined && (
          <>
            Nobody here is called <bdi>“{wanted}”</bdi>. Check the spelling of the username.
          </>
        )}
      </p>
    </div>
  );
}

interface PersonProps {
  person: Candidate;
  isChosen: boolean | undefined;
  onChoose: PersonSearchProps['onChoose'];
}

function Person({ person: { user, name }, isChosen, onChoose }: PersonProps) {
  return (
    <li>
      <button
        type="button"
        className={styles.person}
        aria-pressed={isChosen}
        onClick={() => onChoose(user, name)}
      >
        <PersonAvatar user={user} name={name} size="small" />
        <span className={styles.name}>
          <bdi>{name}</bdi>
        </span>
        {isChosen === true && <Check size={18} strokeWidth={2.25} aria-hidden />}
      </button>
    </li>
  );
}
