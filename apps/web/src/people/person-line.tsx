/** Who somebody is: what they call themselves, and the username that nobody else has. */
import { NAMELESS, type UserId, useProfile, useUsername } from '@sotto/hooks';
import type { ReactNode } from 'react';
import { PersonAvatar } from './person-avatar.tsx';
import styles from './person-line.module.css';

export interface PersonLineProps {
  user: UserId;
  /** In place of the username. */
  detail?: ReactNode;
  /** At the end of the line. */
  action?: ReactNode;
}

/** A line of a list of people. */
export function PersonLine({ user, detail, action }: PersonLineProps) {
  const name = useProfile(user)?.name;
  const username = useUsername(user);
  const shown = name ?? username ?? NAMELESS;
  return (
    <div className={styles.line}>
      <PersonAvatar user={user} name={shown} />
      <span className={styles.words}>
        {/* A name reads in its own direction, and begins where all of them do. */}
        <span className={styles.name}>
          <bdi>{shown}</bdi>
        </span>
        <span className={styles.detail}>
          {detail ?? (username === undefined ? ' ' : `@${username}`)}
        </span>
      </span>
      {action !== undefined && <span className={styles.action}>{action}</span>}
    </div>
  );
}
