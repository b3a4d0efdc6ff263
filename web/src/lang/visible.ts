// Controls, and the marks that turn the writing direction or hide themselves. They have no place in a name; shown as
// what they are, they cannot make one name look like another. (\p{Cf} holds the bidirectional and zero-width marks.)
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A text from outside with everything unseen spelled out: `\u{202E}`. */
export function visible(text: string): string {
  return text.replace(UNSEEN, (mark) => `\\u{${(mark.codePointAt(0) ?? 0).toString(16).toUpperCase()}}`);
}

/** A text from outside that keeps its direction to itself inside a sentence. */
export function isolated(text: string): string {
  return `\u2068${text}\u2069`;
}
