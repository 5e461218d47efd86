/** Text for somebody to take elsewhere. */
import { useToast } from './toast.tsx';

/** Copies a text and says that it did, in the words that are given; or that this browser does not allow it. */
export function useCopy(): (text: string, said: string) => void {
  const toast = useToast();
  return (text, said) => {
    navigator.clipboard.writeText(text).then(
      () => toast(said),
      () => toast('This browser does not let the page copy', 'danger'),
    );
  };
}
