/** People who were chosen. */
import type { UserId } from '@sotto/hooks';
import { X } from 'lucide-react';
import styles from './chosen.module.css';

export interface ChosenProps {
  members: ReadonlyMap<UserId, string>;
  onRemove: (user: UserId) => void;
}

/** Those who were chosen, to be seen and taken back. */
export function Chosen({ members, onRemove }: ChosenProps) {
  if (members.size === 0) return null;
  return (
    <ul className={styles.chosen} aria-label="Chosen">
      {[...members].map(([user, name]) => (
        <li key={user}>
          <button
            type="button"
            className={styles.chip}
            aria-label={`Remove ${name}`}
            onClick={() => onRemove(user)}
          >
            <bdi>{name}</bdi>
            <X size={14} strokeWidth={2.25} aria-hidden />
          </button>
        </li>
      ))}
    </ul>
  );
}
