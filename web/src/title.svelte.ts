/** Keeps the title of the window. Must be called while a page is set up. */
export function title(words: () => string): void {
  $effect(() => {
    document.title = `${words()} · sordino`;
  });
}
