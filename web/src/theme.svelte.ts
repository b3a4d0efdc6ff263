export const THEMES = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const STORED = 'sordino.theme';

class Shown {
  chosen = $state<Theme>(THEMES.find((theme) => theme === localStorage.getItem(STORED)) ?? 'auto');

  /** Shows `theme` from now on, also after a reload. */
  choose(theme: Theme): void {
    this.chosen = theme;
    localStorage.setItem(STORED, theme);
    this.apply();
  }

  apply(): void {
    if (this.chosen === 'auto') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = this.chosen;
  }
}

export const theme = new Shown();
