/** Light or dark: as the system is, until the button is pressed. */
function setUpTheme(): void {
  const button = document.getElementById('theme');
  const system = matchMedia('(prefers-color-scheme: dark)');
  const root = document.documentElement;
  const isDark = (): boolean => (root.dataset.theme ?? (system.matches ? 'dark' : 'light')) === 'dark';
  const label = (): void => button?.setAttribute('aria-label', isDark() ? 'Light colours' : 'Dark colours');
  button?.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    label();
  });
  system.addEventListener('change', label);
  label();
}

setUpTheme();

// A script of its own: pages take it along beside others.
export {};
