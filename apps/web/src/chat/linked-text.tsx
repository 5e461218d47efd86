/** What somebody wrote, with its addresses as links. */
import { Fragment } from 'react';
import { classes } from '../design/index.ts';
import styles from './linked-text.module.css';
import { isFewEmoji, linkParts } from './links.ts';

/** Nothing is fetched before somebody follows a link, and the page that it leads to learns nothing of this one. */
export function LinkedText({ text }: { text: string }) {
  return (
    <span className={classes(styles.text, isFewEmoji(text) && styles.emoji)}>
      {linkParts(text).map(({ text: part, href }, at) => {
        const key = `${at}/${part.length}`;
        if (href === undefined) return <Fragment key={key}>{part}</Fragment>;
        return (
          <a key={key} href={href} target="_blank" rel="noopener noreferrer nofollow" title={href}>
            {part}
          </a>
        );
      })}
    </span>
  );
}
