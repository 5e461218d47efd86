/** Light or dark, as this browser's owner wants it. */

/** `system` goes with what the machine is set to. */
export type Theme = 'system' | 'light' | 'dark';

const KEY = 'sotto/theme';

/** What was chosen in this browser. */
export function readTheme(): Theme {
  const kept = localStorage.getItem(KEY);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
}

/** Shows the page in what was chosen; to be called before anything is drawn. */
export function showTheme(theme: Theme = readTheme()): void {
  const { dataset } = document.documentElement;
  if (theme === 'system') delete dataset.theme;
  else dataset.theme = theme;
  showBarColour(theme);
}

/** The bar of the browser around the page goes along. */
function showBarColour(theme: Theme): void {
  for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name=theme-color]')) {
    const isChosen = meta.dataset.scheme === theme;
    const chosen = isChosen ? 'all' : 'not all';
    meta.media = theme === 'system' ? `(prefers-color-scheme: ${meta.dataset.scheme})` : chosen;
  }
}

/** Keeps a choice, and shows it. */
export function chooseTheme(theme: Theme): void {
  if (theme === 'system') localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, theme);
  showTheme(theme);
}
