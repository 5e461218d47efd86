/** Whose client this is. */
import type { Me } from '@sotto/client';
import { createContext, useContext } from 'react';

const MeContext = createContext<Me | undefined>(undefined);

/** Tells everything inside it who is logged in. */
export const MeProvider = MeContext.Provider;

/** Who is logged in. Throws where nobody is, which is a bug of the page. */
export function useMe(): Me {
  const me = useContext(MeContext);
  if (me === undefined) throw new Error('useMe is used where nobody is logged in');
  return me;
}
