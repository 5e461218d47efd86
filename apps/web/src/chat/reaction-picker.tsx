/** Choosing an emoji to put to a message. */
import { SmilePlus } from 'lucide-react';
import { type FormEvent, useId, useRef } from 'react';
import { IconButton, placeBeside } from '../design/index.ts';
import { oneEmoji } from './emoji.ts';
import styles from './reaction-picker.module.css';

const PALETTE = ['👍', '❤️', '😂', '😮', '😢', '🙏'] as const;

/** A small palette, and a field for any other: keyboards of phones and desktops have all of them. */
export function ReactionPicker({ onPick }: { onPick: (emoji: string) => void }) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const pick = (emoji: string) => {
    panel.current?.hidePopover();
    onPick(emoji);
  };
  const pickTyped = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const emoji = oneEmoji(`${new FormData(event.currentTarget).get('emoji')}`);
    if (emoji !== undefined) pick(emoji);
  };
  return (
    <>
      <IconButton ref={button} label="React" icon={SmilePlus} popoverTarget={id} />
      <div
        ref={panel}
        id={id}
        popover="auto"
        role="toolbar"
        aria-label="Reactions"
        className={styles.panel}
        onToggle={(event) => {
          if (event.newState !== 'open' || panel.current === null || button.current === null)
            return;
          placeBeside(panel.current, button.current);
          panel.current.querySelector('button')?.focus();
        }}
      >
        {PALETTE.map((emoji) => (
          <button key={emoji} type="button" className={styles.emoji} onClick={() => pick(emoji)}>
            {emoji}
          </button>
        ))}
        <form className={styles.other} onSubmit={pickTyped}>
          <input
            name="emoji"
            className={styles.input}
            aria-label="Another emoji, then Enter"
            placeholder="…"
            autoComplete="off"
          />
        </form>
      </div>
    </>
  );
}
