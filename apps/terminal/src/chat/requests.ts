/** Which conversations wait to be accepted, on the desk. */
import { askForRequests, followRequests } from '@sotto/hooks';
import type { Desk } from './desk.ts';

type Show = Parameters<typeof askForRequests>[1];

/** Keeps them up to date. Gives back the function that ends that. */
export function followRequestsOn(desk: Desk): () => void {
  return followRequests(desk.client, showOn(desk));
}

/** Asks anew, after one was answered. */
export function renewRequestsOn(desk: Desk): Promise<void> {
  return askForRequests(desk.client, showOn(desk));
}

function showOn(desk: Desk): Show {
  return (requests) =>
    desk.change({ requests: new Set(requests.map(({ conversation }) => conversation)) });
}
