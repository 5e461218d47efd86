/** Opens this browser's device and shows the chat. The platform is where the page comes from. */
import { createClient } from '@sotto/client';
import { openIndexedDbStore } from '@sotto/client/indexeddb';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Chat } from './chat.tsx';

// One tab at a time has the store: this one waits until no other does.
const store = await openIndexedDbStore('chat', { waitUntil: new AbortController().signal });
const client = createClient({ url: location.origin, store });
const me = await client.me();
createRoot(document.querySelector('#chat')!).render(
  <StrictMode>
    <Chat client={client} me={me} />
  </StrictMode>,
);
if (me !== undefined) await client.connect();
