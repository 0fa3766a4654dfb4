'use client';

import { MenuChoice, MenuLabel } from '@gantry/ui/menu';
import { Monitor, Moon, Sun } from 'lucide-react';
import { useState } from 'react';
import { type Theme, themeCookie, toTheme } from '../../lib/theme.ts';

const choices = [
  {
    value: 'system',
    label: (
      <>
        <Monitor aria-hidden /> System
      </>
    ),
  },
  {
    value: 'light',
    label: (
      <>
        <Sun aria-hidden /> Light
      </>
    ),
  },
  {
    value: 'dark',
    label: (
      <>
        <Moon aria-hidden /> Dark
      </>
    ),
  },
] as const;

const oneYearSeconds = 31_536_000;

export function ThemeMenu() {
  const [theme, setTheme] = useState(() => toTheme(document.documentElement.dataset.theme));
  return (
    <>
      <MenuLabel>Theme</MenuLabel>
      <MenuChoice
        value={theme}
        choices={choices}
        onChange={(value) => {
          setTheme(toTheme(value));
          applyTheme(toTheme(value));
        }}
      />
    </>
  );
}

function applyTheme(theme: Theme) {
  document.documentElement.dataset.theme = theme;
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API needs https, which a dashboard on a LAN may not have
  document.cookie = `${themeCookie}=${theme}; path=/; max-age=${oneYearSeconds}; samesite=lax`;
}
