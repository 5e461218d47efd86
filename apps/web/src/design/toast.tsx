/** Short words about what has just happened, that go by themselves. */
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useRef,
  useState,
} from 'react';
import { classes } from './classes.ts';
import styles from './toast.module.css';

type Tone = 'info' | 'danger';
type ShowToast = (text: string, tone?: Tone) => void;

interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: Tone;
}

/** Long enough to read two lines, and more for what went wrong. */
const SHOWN_MS: Readonly<Record<Tone, number>> = { info: 4000, danger: 8000 };
const TOASTS_MAX = 3;

const ToastContext = createContext<ShowToast | undefined>(undefined);

/** Gives `useToast` to everything inside it, and shows what it is told. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<readonly Toast[]>([]);
  const count = useRef(0);
  const show = useCallback<ShowToast>((text, tone = 'info') => {
    count.current += 1;
    const toast = { id: count.current, text, tone };
    setToasts((shown) => [...shown, toast].slice(-TOASTS_MAX));
    setTimeout(() => setToasts((shown) => shown.filter((one) => one !== toast)), SHOWN_MS[tone]);
  }, []);
  return (
    <ToastContext value={show}>
      {children}
      <ToastRegion toasts={toasts} />
    </ToastContext>
  );
}

/** The function that shows a toast. Throws outside of a `ToastProvider`, which is a bug of the page. */
export function useToast(): ShowToast {
  const show = useContext(ToastContext);
  if (show === undefined) throw new Error('useToast is used outside a ToastProvider');
  return show;
}

/** A popover, so that it stands above dialogs that were opened before it. */
function ToastRegion({ toasts }: { toasts: readonly Toast[] }) {
  const region = useRef<HTMLDivElement>(null);
  useEffect(() => {
    region.current?.hidePopover();
    if (toasts.length > 0) region.current?.showPopover();
  }, [toasts]);
  return (
    <div ref={region} popover="manual" className={styles.region} role="status" aria-live="polite">
      {toasts.map(({ id, text, tone }) => (
        <p key={id} className={classes(styles.toast, tone === 'danger' && styles.danger)}>
          {text}
        </p>
      ))}
    </div>
  );
}
