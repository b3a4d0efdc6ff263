/** Copies the text of an element. Without HTTPS browsers have no clipboard to write to; there the old way by a selection still works. */
export async function copyText(element: HTMLElement): Promise<boolean> {
  const text = element.innerText;
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const selection = getSelection();
    const range = document.createRange();
    range.selectNodeContents(element);
    selection?.removeAllRanges();
    selection?.addRange(range);
    // What is selected stays so: where this fails, Ctrl and C is all that lacks.
    return document.execCommand('copy');
  }
}
