/** A link to a place in the client, which loads nothing anew. */
import type { ComponentProps } from 'react';
import { navigate, pathOf, type Route } from './route.ts';

export interface RouteLinkProps extends Omit<ComponentProps<'a'>, 'href' | 'onClick'> {
  to: Route;
}

/** The link. With a key that asks for another tab or window it is the browser's. */
export function RouteLink({ to, ...others }: RouteLinkProps) {
  return (
    <a
      {...others}
      href={pathOf(to)}
      onClick={(event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        navigate(to);
      }}
    />
  );
}
