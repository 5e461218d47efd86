/** A button that opens a list of things to do. */
import type { LucideIcon } from 'lucide-react';
import { type KeyboardEvent, useId, useRef, useState } from 'react';
import { classes } from './classes.ts';
import { IconButton } from './icon-button.tsx';
import styles from './menu.module.css';
import { placeBeside } from './place-beside.ts';

export interface MenuItem {
  label: string;
  icon?: LucideIcon;
  tone?: 'plain' | 'danger';
  onSelect: () => void;
}

export interface MenuProps {
  label: string;
  icon: LucideIcon;
  items: readonly MenuItem[];
}

/** A menu behind an icon. Arrow keys move in it; Escape, a click elsewhere and a choice close it. */
export function Menu({ label, icon, items }: MenuProps) {
  const id = useId();
  const list = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <IconButton
        ref={button}
        label={label}
        icon={icon}
        popoverTarget={id}
        aria-haspopup="menu"
        aria-expanded={isOpen}
      />
      <div
        ref={list}
        id={id}
        role="menu"
        aria-label={label}
        popover="auto"
        className={styles.menu}
        onKeyDown={moveFocus}
        onToggle={(event) => {
          const opens = event.newState === 'open';
          setOpen(opens);
          if (!opens || list.current === null || button.current === null) return;
          placeBeside(list.current, button.current);
          list.current.querySelector<HTMLElement>('[role=menuitem]')?.focus();
        }}
      >
        {items.map(({ label: text, icon: Icon, tone, onSelect }) => (
          <button
            key={text}
            type="button"
            role="menuitem"
            tabIndex={-1}
            className={classes(styles.item, tone === 'danger' && styles.danger)}
            onClick={() => {
              list.current?.hidePopover();
              onSelect();
            }}
          >
            {Icon !== undefined && <Icon size={18} strokeWidth={1.75} aria-hidden />}
            <span>{text}</span>
          </button>
        ))}
      </div>
    </>
  );
}

const STEPS: Readonly<Record<string, (at: number, count: number) => number>> = {
  ArrowDown: (at, count) => (at + 1) % count,
  ArrowUp: (at, count) => (at - 1 + count) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};

function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>('[role=menuitem]')];
  const at = items.findIndex((item) => item.matches(':focus'));
  if (event.key === 'Tab') event.currentTarget.hidePopover();
  const step = STEPS[event.key];
  if (step === undefined) return;
  event.preventDefault();
  items[step(at, items.length)]?.focus();
}
