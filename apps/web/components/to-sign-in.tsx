'use client';

import { useEffect } from 'react';
import { paths } from '../lib/paths.ts';

/** In the browser and not by a redirect, because a layout on the server does not know which page was asked for. */
export function ToSignIn() {
  useEffect(() => window.location.replace(paths.signInThen(window.location.pathname + window.location.search)), []);
  return (
    <p role="status" className="sr-only">
      Going to the sign-in page
    </p>
  );
}
