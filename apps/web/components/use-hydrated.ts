import { useSyncExternalStore } from 'react';

const never = () => () => undefined;

/** False in the page as the server sends it, true once this page's scripts answer: until then a form would be sent by the browser itself. */
export function useHydrated(): boolean {
  return useSyncExternalStore(
    never,
    () => true,
    () => false,
  );
}
