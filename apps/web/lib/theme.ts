/** Held in a cookie, so that the server sends the page in the right colours. */
export const themeCookie = 'gantry-theme';
export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

export function toTheme(text: string | undefined): Theme {
  return themes.find((theme) => theme === text) ?? 'system';
}
